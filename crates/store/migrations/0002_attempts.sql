-- A request may take several attempts at providers; `superseded` ones failed and were followed by another.
ALTER TABLE usage_events ADD COLUMN superseded BIGINT NOT NULL DEFAULT 0;

-- `requests` counts requests, `attempts` calls to providers. Until now the first was both.
ALTER TABLE usage_quarter_hours ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
UPDATE usage_quarter_hours SET attempts = requests - refusals;
