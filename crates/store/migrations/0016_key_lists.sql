-- Pages of keys, and how many there are, without the rows themselves: all that lists filter by is in the index, in
-- the order in which they are shown.
CREATE INDEX keys_listed ON keys
    (created_at, hash, alias, user_id, team_id, organization_id, blocked, expires_at);
