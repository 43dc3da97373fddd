-- `keys_paged` and `keys_spent` stand in for it, and are smaller together.
DROP INDEX keys_listed;
