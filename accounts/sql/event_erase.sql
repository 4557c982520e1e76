-- Personal data leaves a user's log: every payload becomes {}; numbers, kinds and times stay. Returns how many changed.
CREATE FUNCTION accounts_event_erase(p_user bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_count bigint;
BEGIN
  UPDATE accounts_event SET payload = '{}'::jsonb WHERE user_id = p_user AND payload <> '{}'::jsonb;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END $$;
