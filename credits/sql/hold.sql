-- Holds: credits set apart, and resolved exactly once. All lock the wallet first; a hold's state moves under that lock.

-- Moves credits of the owner to held_*. Refuses: wallet_frozen, insufficient_credits, budget_exceeded, idempotency_conflict.
CREATE FUNCTION credits_hold(
  p_user bigint, p_key text, p_hash bytea, p_kind text, p_ref text, p_amount bigint, p_bonus_first boolean,
  p_api_key bigint, p_at timestamptz
) RETURNS TABLE (hold_id bigint, transaction_id bigint, paid bigint, bonus bigint, balance bigint, replayed boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  w credits_wallet := credits_wallet_lock(p_user);
  t credits_transaction := credits_transaction_find(p_user, p_key, p_hash);
  v_bonus bigint;
  v_day date;
  v_hold bigint;
BEGIN
  IF t.id IS NOT NULL THEN
    RETURN QUERY SELECT h.id, t.id, o.held_paid, o.held_bonus, o.balance, true
      FROM credits_hold h, credits_outcome(t.id, p_user) o WHERE h.transaction_id = t.id;
    RETURN;
  END IF;
  IF p_amount IS NULL OR p_amount < 0 OR NOT (p_kind = 'hold' OR credits_is_outgo(p_kind)) THEN
    RAISE EXCEPTION 'a hold for % of %', p_kind, p_amount USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF w.shortfall > 0 OR w.disputes > 0 THEN
    PERFORM credits_refuse_frozen(w);
  END IF;
  IF w.user_id IS NULL OR w.paid + w.bonus < p_amount THEN
    PERFORM credits_refuse('insufficient_credits', jsonb_build_object(
      'current_balance', coalesce(w.paid + w.bonus, 0), 'required', p_amount));
  END IF;
  v_bonus := CASE WHEN p_bonus_first THEN least(w.bonus, p_amount) ELSE greatest(p_amount - w.paid, 0) END;
  IF p_api_key IS NOT NULL THEN
    v_day := credits_limit_take(p_api_key, p_amount, p_at);
  END IF;
  t := credits_transaction_add(p_user, p_key, p_hash, 'hold', p_ref, p_at, p_api_key, v_day);
  IF p_amount > 0 THEN
    PERFORM credits_post(credits_wallet_move(p_user, t, v_bonus - p_amount, -v_bonus, p_amount - v_bonus, v_bonus));
  END IF;
  INSERT INTO credits_hold (
    user_id, transaction_id, kind, reference, api_key_id, limit_day, paid, bonus, bonus_first, state, charged, created_at
  ) VALUES (
    p_user, t.id, CASE p_kind WHEN 'hold' THEN 'spend' ELSE p_kind END, p_ref, p_api_key, v_day,
    p_amount - v_bonus, v_bonus, p_bonus_first, 'open', 0, p_at
  ) RETURNING id INTO v_hold;
  RETURN QUERY SELECT v_hold, t.id, p_amount - v_bonus, v_bonus, w.paid + w.bonus - p_amount, false;
END $$;

-- The hold, with its owner's wallet locked (and p_also's, lower id first). Refuses: hold_not_found.
CREATE FUNCTION credits_hold_lock(p_hold bigint, p_also bigint DEFAULT NULL) RETURNS credits_hold LANGUAGE plpgsql AS $$
DECLARE
  h credits_hold;
BEGIN
  SELECT * INTO h FROM credits_hold WHERE id = p_hold;
  IF NOT FOUND THEN
    PERFORM credits_refuse('hold_not_found');
  END IF;
  PERFORM credits_wallet_lock_two(h.user_id, coalesce(p_also, h.user_id));
  SELECT * INTO h FROM credits_hold WHERE id = p_hold;  -- as it stands now that nobody else moves it
  RETURN h;
END $$;

-- The hold holds p_amount_total from now on; never less than before. Returns its parts.
-- Refuses: wallet_frozen, insufficient_credits, budget_exceeded, hold_resolved.
CREATE FUNCTION credits_hold_raise(p_hold bigint, p_amount_total bigint, p_at timestamptz)
RETURNS TABLE (hold_id bigint, transaction_id bigint, paid bigint, bonus bigint, balance bigint, replayed boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  h credits_hold := credits_hold_lock(p_hold);
  w credits_wallet;
  t credits_transaction;
  v_more bigint := p_amount_total - h.paid - h.bonus;
  v_bonus bigint;
  v_day date;
  v_key text := 'raise:' || p_hold || ':' || p_amount_total;
BEGIN
  SELECT * INTO w FROM credits_wallet WHERE user_id = h.user_id;
  IF v_more <= 0 THEN
    RETURN QUERY SELECT h.id, h.transaction_id, h.paid, h.bonus, w.paid + w.bonus, true;
    RETURN;
  END IF;
  IF h.state <> 'open' THEN
    PERFORM credits_refuse('hold_resolved', jsonb_build_object('state', h.state));
  END IF;
  IF w.shortfall > 0 OR w.disputes > 0 THEN
    PERFORM credits_refuse_frozen(w);
  END IF;
  IF w.paid + w.bonus < v_more THEN
    PERFORM credits_refuse('insufficient_credits', jsonb_build_object('current_balance', w.paid + w.bonus, 'required', v_more));
  END IF;
  v_bonus := CASE WHEN h.bonus_first THEN least(w.bonus, v_more) ELSE greatest(v_more - w.paid, 0) END;
  -- The budget's day stays the hold's own, so that all of it can be given back at once.
  IF h.limit_day IS NOT NULL THEN
    v_day := credits_limit_take(h.api_key_id, v_more, (h.limit_day::timestamp AT TIME ZONE 'Asia/Shanghai'));
  END IF;
  t := credits_transaction_add(h.user_id, v_key, sha256(convert_to(v_key, 'UTF8')), 'hold', h.reference, p_at, h.api_key_id, v_day);
  PERFORM credits_post(credits_wallet_move(h.user_id, t, v_bonus - v_more, -v_bonus, v_more - v_bonus, v_bonus));
  UPDATE credits_hold SET paid = paid + v_more - v_bonus, bonus = bonus + v_bonus WHERE id = h.id;
  RETURN QUERY SELECT h.id, t.id, h.paid + v_more - v_bonus, h.bonus + v_bonus, w.paid + w.bonus - v_more, false;
END $$;

-- Charges at most what is held and gives back the rest, once; with p_to the charge pays that user their share.
-- Locks both wallets in id order. Refuses: hold_not_found, hold_resolved (unless the key repeats), idempotency_conflict.
CREATE FUNCTION credits_capture(
  p_hold bigint, p_amount bigint, p_key text, p_at timestamptz, p_to bigint DEFAULT NULL, p_share_pct int DEFAULT 90
) RETURNS TABLE (transaction_id bigint, paid bigint, bonus bigint, balance bigint, charged bigint, replayed boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  c_hash CONSTANT bytea := sha256(convert_to('capture|' || p_hold || '|' || p_amount || '|' || coalesce(p_to, 0), 'UTF8'));
  h credits_hold;
  w credits_wallet;
  t credits_transaction;
  v_charge bigint;
  v_bonus bigint;
  v_rows credits_posting[];
BEGIN
  IF p_amount IS NULL OR p_amount < 0 THEN
    RAISE EXCEPTION 'a capture of %', p_amount USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF p_to IS NOT NULL THEN
    PERFORM credits_wallet_open(p_to);
  END IF;
  h := credits_hold_lock(p_hold, p_to);
  t := credits_transaction_find(h.user_id, p_key, c_hash);
  IF t.id IS NOT NULL THEN
    RETURN QUERY SELECT t.id, -(o.paid + o.held_paid), -(o.bonus + o.held_bonus), o.balance,
      -(o.paid + o.held_paid + o.bonus + o.held_bonus), true FROM credits_outcome(t.id, h.user_id) o;
    RETURN;
  END IF;
  IF h.state <> 'open' THEN
    PERFORM credits_refuse('hold_resolved', jsonb_build_object('state', h.state));
  END IF;
  IF p_to = h.user_id THEN
    PERFORM credits_refuse('self_transfer');
  END IF;
  v_charge := least(p_amount, h.paid + h.bonus);
  v_bonus := CASE WHEN h.bonus_first THEN least(h.bonus, v_charge) ELSE greatest(v_charge - h.paid, 0) END;
  t := credits_transaction_add(h.user_id, p_key, c_hash, h.kind, h.reference, p_at, h.api_key_id, h.limit_day);
  PERFORM credits_limit_return(h.api_key_id, h.limit_day, h.paid + h.bonus - v_charge);
  v_rows := credits_wallet_move(
    h.user_id, t, h.paid - (v_charge - v_bonus), h.bonus - v_bonus, -h.paid, -h.bonus, v_charge);
  IF p_to IS NULL THEN
    v_rows := v_rows || credits_platform(t, 'usage', v_charge);
  ELSE
    v_rows := v_rows || credits_share(h.user_id, p_to, t, v_charge - v_bonus, v_bonus, p_share_pct, p_at);
  END IF;
  PERFORM credits_post(v_rows);
  UPDATE credits_hold SET state = 'captured', charged = v_charge, resolution_id = t.id, resolved_at = p_at WHERE id = h.id AND state = 'open';
  SELECT * INTO w FROM credits_wallet WHERE user_id = h.user_id;
  RETURN QUERY SELECT t.id, v_charge - v_bonus, v_bonus, w.paid + w.bonus, v_charge, false;
END $$;

-- Gives back all that is held, once. Refuses: hold_not_found, hold_resolved (unless the key repeats), idempotency_conflict.
CREATE FUNCTION credits_release(p_hold bigint, p_key text, p_at timestamptz)
RETURNS TABLE (transaction_id bigint, paid bigint, bonus bigint, balance bigint, charged bigint, replayed boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  c_hash CONSTANT bytea := sha256(convert_to('release|' || p_hold, 'UTF8'));
  h credits_hold := credits_hold_lock(p_hold);
  t credits_transaction := credits_transaction_find(h.user_id, p_key, c_hash);
  w credits_wallet;
BEGIN
  IF t.id IS NOT NULL THEN
    RETURN QUERY SELECT t.id, o.paid, o.bonus, o.balance, 0::bigint, true FROM credits_outcome(t.id, h.user_id) o;
    RETURN;
  END IF;
  IF h.state <> 'open' THEN
    PERFORM credits_refuse('hold_resolved', jsonb_build_object('state', h.state));
  END IF;
  t := credits_transaction_add(h.user_id, p_key, c_hash, 'release', h.reference, p_at, h.api_key_id, h.limit_day);
  PERFORM credits_limit_return(h.api_key_id, h.limit_day, h.paid + h.bonus);
  IF h.paid + h.bonus > 0 THEN
    PERFORM credits_post(credits_wallet_move(h.user_id, t, h.paid, h.bonus, -h.paid, -h.bonus));
  END IF;
  UPDATE credits_hold SET state = 'released', resolution_id = t.id, resolved_at = p_at WHERE id = h.id AND state = 'open';
  SELECT * INTO w FROM credits_wallet WHERE user_id = h.user_id;
  RETURN QUERY SELECT t.id, h.paid, h.bonus, w.paid + w.bonus, 0::bigint, false;
END $$;
