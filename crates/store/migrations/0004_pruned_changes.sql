-- Changes up to this number are no longer kept: a gateway that has not seen them reads everything again.
ALTER TABLE policy_clock ADD COLUMN pruned_seq BIGINT NOT NULL DEFAULT 0;
