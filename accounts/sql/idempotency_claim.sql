-- Claims a key for p_lock_s seconds, or returns the finished row (status not null) to replay.
-- Refuses: idempotency_conflict (another input), idempotency_running {retry_after_s}.
CREATE FUNCTION accounts_idempotency_claim(p_user bigint, p_key text, p_hash bytea, p_at timestamptz, p_lock_s int)
RETURNS accounts_idempotency LANGUAGE plpgsql AS $$
DECLARE
  v_row accounts_idempotency;
  v_until timestamptz := p_at + make_interval(secs => p_lock_s);
BEGIN
  LOOP
    INSERT INTO accounts_idempotency (user_id, key, input_hash, created_at, locked_until, reference)
    VALUES (p_user, p_key, p_hash, p_at, v_until, '')
    ON CONFLICT (user_id, key) DO NOTHING
    RETURNING * INTO v_row;
    IF FOUND THEN
      RETURN v_row;
    END IF;
    SELECT * INTO v_row FROM accounts_idempotency WHERE user_id = p_user AND key = p_key FOR UPDATE;
    EXIT WHEN FOUND;  -- else: freed in between, claim again
  END LOOP;

  IF v_row.input_hash <> p_hash THEN
    RAISE EXCEPTION USING ERRCODE = 'ATELR', MESSAGE = 'idempotency_conflict', DETAIL = '{}';
  END IF;
  IF v_row.status IS NOT NULL THEN
    RETURN v_row;
  END IF;
  IF v_row.locked_until > p_at THEN
    RAISE EXCEPTION USING ERRCODE = 'ATELR', MESSAGE = 'idempotency_running',
      DETAIL = json_build_object('retry_after_s', ceil(extract(epoch FROM v_row.locked_until - p_at))::int)::text;
  END IF;
  UPDATE accounts_idempotency SET locked_until = v_until WHERE id = v_row.id RETURNING * INTO v_row;
  RETURN v_row;
END $$;
