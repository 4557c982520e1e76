-- The books' side of an order that was paid for.

-- Sells p_paid and p_bonus credits to a user for p_cents CNY cents that came in at p_channel. The bonus comes out of
-- 'sales', or of 'promise:<id>', which reserved it when the order was placed; a promise that was withdrawn since (the
-- order had expired, the money came late) pays nothing more, and the order brings its plain credits. p_key once for ever:
-- a repeat answers what the first time did. Opens and locks the wallet.
-- Refuses: paid_without_sale (more paid credits than the money buys at the floor price of 5 cents), source_unknown, idempotency_conflict.
CREATE FUNCTION credits_order_settle(
  p_user bigint, p_key text, p_hash bytea, p_ref text, p_paid bigint, p_bonus bigint, p_channel text, p_cents bigint,
  p_bonus_source text, p_at timestamptz
) RETURNS TABLE (transaction_id bigint, balance bigint, replayed boolean, bonus bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_sale record;
  v_gift record;
  v_promise credits_promise;
  v_sold_bonus bigint := CASE WHEN p_bonus_source = 'sales' THEN p_bonus ELSE 0 END;
BEGIN
  IF p_cents IS NULL OR p_cents <= 0 OR p_paid * 5 > p_cents THEN
    PERFORM credits_refuse('paid_without_sale');
  END IF;
  IF p_bonus_source !~ '^(sales|promise:[0-9]{1,18})$' THEN
    PERFORM credits_refuse('source_unknown', jsonb_build_object('source', p_bonus_source));
  END IF;
  SELECT * INTO v_sale FROM credits_grant(
    p_user, p_key, p_hash, 'recharge', p_ref, p_paid, v_sold_bonus, 'sales', p_at, p_channel, p_cents);
  IF p_bonus_source = 'sales' OR p_bonus = 0 THEN
    RETURN QUERY SELECT v_sale.transaction_id, v_sale.balance, v_sale.replayed, v_sold_bonus;
    RETURN;
  END IF;
  SELECT * INTO v_promise FROM credits_promise WHERE id = substr(p_bonus_source, 9)::bigint AND user_id = p_user;
  IF v_promise.id IS NULL THEN
    PERFORM credits_refuse('source_unknown', jsonb_build_object('source', p_bonus_source));
  END IF;
  IF NOT v_sale.replayed AND (v_promise.withdrawn_at IS NOT NULL OR v_promise.amount_credits - v_promise.paid_credits < p_bonus) THEN
    RETURN QUERY SELECT v_sale.transaction_id, v_sale.balance, false, 0::bigint;
    RETURN;
  END IF;
  IF v_sale.replayed AND NOT EXISTS (SELECT FROM credits_transaction WHERE user_id = p_user AND key = p_key || ':bonus') THEN
    RETURN QUERY SELECT v_sale.transaction_id, v_sale.balance, true, 0::bigint;
    RETURN;
  END IF;
  SELECT * INTO v_gift FROM credits_campaign_pay(v_promise.id, p_key || ':bonus', p_hash, 'gift', p_ref, p_bonus, p_at);
  RETURN QUERY SELECT v_sale.transaction_id, v_gift.balance, v_sale.replayed, p_bonus;
END $$;
