-- The next event of a user and its later reactions. Locks the user's head row: numbers commit in order.
CREATE FUNCTION accounts_event_append(p_user bigint, p_kind text, p_payload jsonb, p_at timestamptz, p_later text[])
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_number bigint;
  v_event bigint;
BEGIN
  INSERT INTO accounts_eventhead AS head (user_id, number) VALUES (p_user, 1)
  ON CONFLICT (user_id) DO UPDATE SET number = head.number + 1
  RETURNING head.number INTO v_number;

  INSERT INTO accounts_event (user_id, number, kind, payload, created_at)
  VALUES (p_user, v_number, p_kind, p_payload, p_at)
  RETURNING id INTO v_event;

  IF cardinality(p_later) > 0 THEN
    INSERT INTO accounts_outbox (event_id, reaction, tries, next_try_at, error)
    SELECT v_event, reaction, 0, p_at, '' FROM unnest(p_later) AS reaction;
  END IF;
  RETURN v_number;
END $$;
