-- Spend limits and entitlements: obeyed and counted inside a spend. The caller holds the wallet's lock.

-- Counts credits against an API key's budget. Returns the day it was counted on, null for a key without a limit.
-- Refuses: budget_exceeded {budget, limit, used, required}.
CREATE FUNCTION credits_limit_take(p_api_key bigint, p_amount bigint, p_at timestamptz) RETURNS date
LANGUAGE plpgsql AS $$
DECLARE
  l credits_spendlimit;
  v_day date := credits_day(p_at);
  v_used bigint;
BEGIN
  UPDATE credits_spendlimit SET used_credits = used_credits + p_amount WHERE api_key_id = p_api_key RETURNING * INTO l;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  IF l.used_credits > l.total_credits AND p_amount > 0 THEN
    PERFORM credits_refuse('budget_exceeded', jsonb_build_object(
      'budget', 'total', 'limit', l.total_credits, 'used', l.used_credits - p_amount, 'required', p_amount));
  END IF;
  INSERT INTO credits_spendusage AS u (api_key_id, day, used_credits) VALUES (p_api_key, v_day, p_amount)
  ON CONFLICT (api_key_id, day) DO UPDATE SET used_credits = u.used_credits + p_amount
  RETURNING u.used_credits INTO v_used;
  IF v_used > l.day_credits AND p_amount > 0 THEN
    PERFORM credits_refuse('budget_exceeded', jsonb_build_object(
      'budget', 'day', 'limit', l.day_credits, 'used', v_used - p_amount, 'required', p_amount));
  END IF;
  RETURN v_day;
END $$;

-- Gives credits back to the budget, on the day they were counted on.
CREATE FUNCTION credits_limit_return(p_api_key bigint, p_day date, p_amount bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF p_day IS NOT NULL AND p_api_key IS NOT NULL THEN
    UPDATE credits_spendlimit SET used_credits = used_credits - p_amount WHERE api_key_id = p_api_key;
    UPDATE credits_spendusage SET used_credits = used_credits - p_amount WHERE api_key_id = p_api_key AND day = p_day;
  END IF;
END $$;

-- Uses one free unit of today; returns the entitlement's id, null if there is none or today's units are used up.
CREATE FUNCTION credits_entitlement_use(p_user bigint, p_name text, p_at timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  v_day date := credits_day(p_at);
  v_id bigint;
BEGIN
  UPDATE credits_entitlement e
  SET used_units = CASE WHEN e.used_day = v_day THEN e.used_units + 1 ELSE 1 END, used_day = v_day
  WHERE e.user_id = p_user AND e.name = p_name AND p_at >= e.valid_from AND p_at < e.valid_until
    AND CASE WHEN e.used_day = v_day THEN e.used_units ELSE 0 END < e.daily_units
  RETURNING e.id INTO v_id;
  RETURN v_id;
END $$;

-- Gives a unit back if its day is still running.
CREATE FUNCTION credits_entitlement_return(p_entitlement bigint, p_day date) RETURNS void LANGUAGE sql AS $$
  UPDATE credits_entitlement SET used_units = used_units - 1
  WHERE id = p_entitlement AND used_day = p_day AND used_units > 0
$$;
