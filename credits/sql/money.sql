-- Money that comes and goes apart from sales, and coins that leave as money.

-- The account of a channel's cash. Refuses: source_unknown.
CREATE FUNCTION credits_cash(p_channel text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF p_channel IS NULL OR NOT EXISTS (SELECT FROM credits_account WHERE code = 'cash:' || p_channel) THEN
    PERFORM credits_refuse('source_unknown', jsonb_build_object('source', 'cash:' || coalesce(p_channel, '')));
  END IF;
  RETURN 'cash:' || p_channel;
END $$;

-- p_cents CNY cents came in at p_channel (below zero: went out) against 'refunds', 'losses' or 'payouts'. What goes out against
-- 'losses' is borne by the platform: it stands there as so much above zero, and covers what that money had covered.
-- Opens and locks the owner's wallet, in which nothing moves. Returns the transaction. Refuses: source_unknown, idempotency_conflict.
CREATE FUNCTION credits_money_move(
  p_user bigint, p_key text, p_hash bytea, p_ref text, p_channel text, p_cents bigint, p_account text, p_at timestamptz
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_cash text := credits_cash(p_channel);
  t credits_transaction;
BEGIN
  IF p_cents IS NULL OR p_cents = 0 THEN
    RAISE EXCEPTION 'a movement of %', p_cents USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF p_account NOT IN ('refunds', 'losses', 'payouts') THEN
    PERFORM credits_refuse('source_unknown', jsonb_build_object('source', p_account));
  END IF;
  PERFORM credits_wallet_open(p_user);
  PERFORM credits_wallet_lock(p_user);
  t := credits_transaction_find(p_user, p_key, p_hash);
  IF t.id IS NULL THEN
    t := credits_transaction_add(p_user, p_key, p_hash, 'adjust', p_ref, p_at);
    PERFORM credits_post(ARRAY[credits_platform(t, v_cash, p_cents, 'cny'), credits_platform(t, p_account, -p_cents, 'cny')]);
  END IF;
  RETURN t.id;
END $$;

-- The withdrawal under this reference that is still leaving, all null if there is none.
CREATE FUNCTION credits_withdrawal_open(p_user bigint, p_ref text) RETURNS credits_transaction LANGUAGE plpgsql STABLE AS $$
DECLARE
  t credits_transaction;
BEGIN
  SELECT b.* INTO t FROM credits_transaction b
  WHERE b.user_id = p_user AND b.kind = 'withdraw' AND b.reference = p_ref AND b.reverses_id IS NULL
    AND NOT EXISTS (SELECT FROM credits_transaction e WHERE e.reverses_id = b.id);
  RETURN t;
END $$;

-- Coins of the user go into an open withdrawal: one a reference, for ever. Locks the wallet.
-- Refuses: wallet_frozen (also while coins are blocked), insufficient_coins, idempotency_conflict.
CREATE FUNCTION credits_withdraw_begin(p_user bigint, p_key text, p_hash bytea, p_ref text, p_hundredths bigint, p_at timestamptz)
RETURNS TABLE (transaction_id bigint, replayed boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  w credits_wallet := credits_wallet_lock(p_user);
  t credits_transaction := credits_transaction_find(p_user, p_key, p_hash);
BEGIN
  IF t.id IS NOT NULL THEN
    RETURN QUERY SELECT t.id, true;
    RETURN;
  END IF;
  IF p_hundredths IS NULL OR p_hundredths <= 0 THEN
    RAISE EXCEPTION 'a withdrawal of %', p_hundredths USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF EXISTS (SELECT FROM credits_transaction b WHERE b.user_id = p_user AND b.kind = 'withdraw' AND b.reference = p_ref) THEN
    PERFORM credits_refuse('idempotency_conflict');
  END IF;
  IF w.shortfall > 0 OR w.disputes > 0
    OR EXISTS (SELECT FROM credits_clawback c WHERE c.recipient_id = p_user AND c.settled_at IS NULL AND c.blocked > 0)
  THEN
    PERFORM credits_refuse_frozen(w);
  END IF;
  IF w.user_id IS NULL OR w.coins < p_hundredths THEN
    PERFORM credits_refuse('insufficient_coins', jsonb_build_object(
      'available_hundredths', coalesce(w.coins, 0), 'required_hundredths', p_hundredths));
  END IF;
  t := credits_transaction_add(p_user, p_key, p_hash, 'withdraw', p_ref, p_at);
  PERFORM credits_post(credits_wallet_move(p_user, t, 0, 0, p_coins => -p_hundredths, p_coins_leaving => p_hundredths));
  RETURN QUERY SELECT t.id, false;
END $$;

-- Ends the open withdrawal under p_ref, once: with p_channel its coins are gone for p_cents CNY cents of that channel's cash, with
-- null they are available again. Coins that a lost dispute waits for are taken at once. Locks the wallet.
-- Refuses: withdrawal_not_leaving (none of this reference and amount), source_unknown, idempotency_conflict.
CREATE FUNCTION credits_withdraw_end(
  p_user bigint, p_key text, p_hash bytea, p_ref text, p_hundredths bigint, p_channel text, p_cents bigint, p_at timestamptz
) RETURNS TABLE (transaction_id bigint, replayed boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  t credits_transaction;
  b credits_transaction;
BEGIN
  PERFORM credits_wallet_lock(p_user);
  t := credits_transaction_find(p_user, p_key, p_hash);
  IF t.id IS NOT NULL THEN
    RETURN QUERY SELECT t.id, true;
    RETURN;
  END IF;
  IF p_channel IS NOT NULL AND coalesce(p_cents, 0) <= 0 THEN
    RAISE EXCEPTION 'a payment of %', p_cents USING ERRCODE = 'invalid_parameter_value';
  END IF;
  b := credits_withdrawal_open(p_user, p_ref);
  IF NOT EXISTS (SELECT FROM credits_posting p WHERE p.transaction_id = b.id AND p.account = 'coins_leaving' AND p.amount = p_hundredths) THEN
    PERFORM credits_refuse('withdrawal_not_leaving');
  END IF;
  t := credits_transaction_add(p_user, p_key, p_hash, 'withdraw', p_ref, p_at, p_reverses => b.id);
  IF p_channel IS NULL THEN
    PERFORM credits_post(credits_wallet_move(p_user, t, 0, 0, p_coins => p_hundredths, p_coins_leaving => -p_hundredths));
  ELSE
    PERFORM credits_post(
      credits_wallet_move(p_user, t, 0, 0, p_coins_leaving => -p_hundredths)
      || credits_platform(t, 'payouts', p_hundredths, 'coins')
      || credits_platform(t, credits_cash(p_channel), -p_cents, 'cny') || credits_platform(t, 'payouts', p_cents, 'cny'));
  END IF;
  PERFORM credits_clawback_settle_due(p_user, p_at);
  RETURN QUERY SELECT t.id, false;
END $$;

-- The payment of the withdrawal under p_ref came back, once: its coins are available again, p_cents CNY cents are in the channel's
-- cash. Locks the wallet. Refuses: withdrawal_not_leaving (none of this reference and amount was paid), source_unknown,
-- idempotency_conflict.
CREATE FUNCTION credits_withdraw_reverse(
  p_user bigint, p_key text, p_hash bytea, p_ref text, p_hundredths bigint, p_channel text, p_cents bigint, p_at timestamptz
) RETURNS TABLE (transaction_id bigint, replayed boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  t credits_transaction;
  v_paid bigint;
BEGIN
  PERFORM credits_wallet_lock(p_user);
  t := credits_transaction_find(p_user, p_key, p_hash);
  IF t.id IS NOT NULL THEN
    RETURN QUERY SELECT t.id, true;
    RETURN;
  END IF;
  IF coalesce(p_cents, 0) <= 0 THEN
    RAISE EXCEPTION 'a payment of %', p_cents USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT e.id INTO v_paid
  FROM credits_transaction e JOIN credits_posting p ON p.transaction_id = e.id
  WHERE e.user_id = p_user AND e.kind = 'withdraw' AND e.reference = p_ref
    AND p.account = 'payouts' AND p.unit = 'coins' AND p.amount = p_hundredths
    AND NOT EXISTS (SELECT FROM credits_transaction r WHERE r.reverses_id = e.id);
  IF v_paid IS NULL THEN
    PERFORM credits_refuse('withdrawal_not_leaving');
  END IF;
  t := credits_transaction_add(p_user, p_key, p_hash, 'withdraw', p_ref, p_at, p_reverses => v_paid);
  PERFORM credits_post(
    credits_wallet_move(p_user, t, 0, 0, p_coins => p_hundredths)
    || credits_platform(t, 'payouts', -p_hundredths, 'coins')
    || credits_platform(t, credits_cash(p_channel), p_cents, 'cny') || credits_platform(t, 'payouts', -p_cents, 'cny'));
  RETURN QUERY SELECT t.id, false;
END $$;
