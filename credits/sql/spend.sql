-- Takes credits for something that happens now, in one round trip: replay, entitlement, balance, spend limit, postings.
-- Locks the owner's wallet (then the limit's row). Refuses: wallet_frozen, insufficient_credits, budget_exceeded, idempotency_conflict.
CREATE FUNCTION credits_spend(
  p_user bigint, p_key text, p_hash bytea, p_kind text, p_ref text, p_amount bigint, p_bonus_first boolean,
  p_api_key bigint, p_entitlement text, p_at timestamptz
) RETURNS TABLE (transaction_id bigint, paid bigint, bonus bigint, balance bigint, charged bigint, replayed boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  w credits_wallet := credits_wallet_lock(p_user);
  t credits_transaction := credits_transaction_find(p_user, p_key, p_hash);
  v_free bigint;
  v_bonus bigint;
  v_day date;
BEGIN
  IF t.id IS NOT NULL THEN
    RETURN QUERY SELECT t.id, -o.paid, -o.bonus, o.balance, -(o.paid + o.bonus), true FROM credits_outcome(t.id, p_user) o;
    RETURN;
  END IF;
  IF p_amount IS NULL OR p_amount < 0 OR NOT credits_is_outgo(p_kind) THEN
    RAISE EXCEPTION 'a % of %', p_kind, p_amount USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF w.shortfall > 0 OR w.disputes > 0 THEN
    PERFORM credits_refuse_frozen(w);
  END IF;

  IF p_entitlement <> '' THEN
    v_free := credits_entitlement_use(p_user, p_entitlement, p_at);
  END IF;
  IF v_free IS NOT NULL OR p_amount = 0 THEN
    t := credits_transaction_add(
      p_user, p_key, p_hash, p_kind, p_ref, p_at, p_api_key, CASE WHEN v_free IS NOT NULL THEN credits_day(p_at) END, v_free);
    RETURN QUERY SELECT t.id, 0::bigint, 0::bigint, coalesce(w.paid + w.bonus, 0), 0::bigint, false;
    RETURN;
  END IF;

  IF w.user_id IS NULL OR w.paid + w.bonus < p_amount THEN
    PERFORM credits_refuse('insufficient_credits', jsonb_build_object(
      'current_balance', coalesce(w.paid + w.bonus, 0), 'required', p_amount));
  END IF;
  v_bonus := CASE WHEN p_bonus_first THEN least(w.bonus, p_amount) ELSE greatest(p_amount - w.paid, 0) END;
  IF p_api_key IS NOT NULL THEN
    v_day := credits_limit_take(p_api_key, p_amount, p_at);
  END IF;
  t := credits_transaction_add(p_user, p_key, p_hash, p_kind, p_ref, p_at, p_api_key, v_day);
  PERFORM credits_post(
    credits_wallet_move(p_user, t, v_bonus - p_amount, -v_bonus, p_spent => p_amount) || credits_platform(t, 'usage', p_amount));
  RETURN QUERY SELECT t.id, p_amount - v_bonus, v_bonus, w.paid + w.bonus - p_amount, p_amount, false;
END $$;

-- Takes paid credits only, for something that no gift may buy; a refund gives them back like any spend's. Locks the owner's wallet.
-- Refuses: wallet_frozen, insufficient_credits (of the paid ones), idempotency_conflict.
CREATE FUNCTION credits_pay(p_user bigint, p_key text, p_hash bytea, p_ref text, p_amount bigint, p_at timestamptz)
RETURNS TABLE (transaction_id bigint, paid bigint, bonus bigint, balance bigint, charged bigint, replayed boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  w credits_wallet := credits_wallet_lock(p_user);
  t credits_transaction := credits_transaction_find(p_user, p_key, p_hash);
BEGIN
  IF t.id IS NOT NULL THEN
    RETURN QUERY SELECT t.id, -o.paid, -o.bonus, o.balance, -(o.paid + o.bonus), true FROM credits_outcome(t.id, p_user) o;
    RETURN;
  END IF;
  IF p_amount IS NULL OR p_amount <= 0 THEN
    RAISE EXCEPTION 'a payment of %', p_amount USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF w.shortfall > 0 OR w.disputes > 0 THEN
    PERFORM credits_refuse_frozen(w);
  END IF;
  IF w.user_id IS NULL OR w.paid < p_amount THEN
    PERFORM credits_refuse('insufficient_credits', jsonb_build_object('current_balance', coalesce(w.paid, 0), 'required', p_amount));
  END IF;
  t := credits_transaction_add(p_user, p_key, p_hash, 'spend', p_ref, p_at);
  PERFORM credits_post(credits_wallet_move(p_user, t, -p_amount, 0, p_spent => p_amount) || credits_platform(t, 'usage', p_amount));
  RETURN QUERY SELECT t.id, p_amount, 0::bigint, w.paid + w.bonus - p_amount, p_amount, false;
END $$;

-- Gives back exactly the buckets of a spend (p_ref: its key; a capture is one too), the budget and the free unit:
-- once for ever, whatever the key; any repeat answers the first refund. Locks the owner's wallet.
-- Refuses: spend_not_found, idempotency_conflict (the key stands for something else).
CREATE FUNCTION credits_refund(p_user bigint, p_key text, p_ref text, p_at timestamptz)
RETURNS TABLE (transaction_id bigint, paid bigint, bonus bigint, balance bigint, charged bigint, replayed boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  c_hash CONSTANT bytea := sha256(convert_to('refund|' || p_ref, 'UTF8'));
  w credits_wallet := credits_wallet_lock(p_user);
  s credits_transaction;
  t credits_transaction;
  o record;
  v_paid bigint;
  v_bonus bigint;
BEGIN
  SELECT * INTO s FROM credits_transaction WHERE user_id = p_user AND key = p_ref AND kind = 'spend';
  IF NOT FOUND THEN
    PERFORM credits_refuse('spend_not_found');
  END IF;
  SELECT * INTO t FROM credits_transaction WHERE reverses_id = s.id;
  IF FOUND THEN
    RETURN QUERY SELECT t.id, o.paid, o.bonus, o.balance, o.paid + o.bonus, true FROM credits_outcome(t.id, p_user) o;
    RETURN;
  END IF;
  t := credits_transaction_find(p_user, p_key, c_hash);
  IF t.id IS NOT NULL THEN
    PERFORM credits_refuse('idempotency_conflict');
  END IF;

  SELECT * INTO o FROM credits_outcome(s.id, p_user);
  v_paid := -(o.paid + o.held_paid);
  v_bonus := -(o.bonus + o.held_bonus);
  t := credits_transaction_add(p_user, p_key, c_hash, 'refund', s.reference, p_at, s.api_key_id, s.limit_day, s.entitlement_id, s.id);
  IF s.entitlement_id IS NOT NULL THEN
    PERFORM credits_entitlement_return(s.entitlement_id, s.limit_day);
  ELSE
    PERFORM credits_limit_return(s.api_key_id, s.limit_day, v_paid + v_bonus);
  END IF;
  IF v_paid + v_bonus > 0 THEN
    PERFORM credits_post(
      credits_wallet_move(p_user, t, v_paid, v_bonus, p_spent => -(v_paid + v_bonus))
      || credits_platform(t, 'usage', -(v_paid + v_bonus)));
  END IF;
  RETURN QUERY SELECT t.id, v_paid, v_bonus, greatest(w.paid + w.bonus + v_paid + v_bonus - w.shortfall, 0), v_paid + v_bonus, false;
END $$;
