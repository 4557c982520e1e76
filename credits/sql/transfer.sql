-- Between users: tips, prompt unlocks, remix fees; and coins that mature.

-- Pays a creator for credits taken from p_from: the paid part in pending coins (p_share_pct hundredths of a coin a credit),
-- the bonus part in bonus credits, rounded down. Both wallets are locked. Returns postings still to be inserted.
CREATE FUNCTION credits_share(
  p_from bigint, p_to bigint, t credits_transaction, p_paid bigint, p_bonus bigint, p_share_pct int, p_at timestamptz
) RETURNS credits_posting[] LANGUAGE plpgsql AS $$
DECLARE
  v_coins bigint := p_paid * p_share_pct;
  v_bonus bigint := p_bonus * p_share_pct / 100;
BEGIN
  IF p_share_pct NOT BETWEEN 0 AND 100 THEN
    RAISE EXCEPTION 'a share of % percent', p_share_pct USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF v_coins > 0 THEN
    INSERT INTO credits_maturing (user_id, transaction_id, amount_hundredths, matures_at)
    SELECT p_to, t.id, v_coins, greatest(p_at + interval '7 days', w.pays_pending_until)
    FROM credits_wallet w WHERE w.user_id = p_from;
  END IF;
  RETURN CASE WHEN v_coins + v_bonus > 0
      THEN credits_wallet_move(p_to, t, 0, v_bonus, p_coins_pending => v_coins) ELSE '{}'::credits_posting[] END
    || credits_platform(t, 'commission', p_paid + p_bonus - v_bonus)
    || credits_platform(t, 'commission', -v_coins, 'coins');
END $$;

-- Whether bonus credits of this user may leave by transfers: a proven phone or outside identity, or a settled order.
CREATE FUNCTION credits_bonus_is_free(w credits_wallet) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT w.bonus_is_free OR EXISTS (
    SELECT FROM accounts_identity i WHERE i.user_id = w.user_id AND i.kind IN ('phone', 'google', 'wechat'))
$$;

-- Takes credits of p_from, paid first, and pays p_to their share. Locks both wallets in id order.
-- Refuses: wallet_frozen (the payer's), insufficient_credits (bonus counts only where it is free), self_transfer, idempotency_conflict.
CREATE FUNCTION credits_transfer(
  p_from bigint, p_to bigint, p_key text, p_hash bytea, p_kind text, p_ref text, p_amount bigint,
  p_share_pct int, p_at timestamptz
) RETURNS TABLE (
  transaction_id bigint, paid bigint, bonus bigint, balance bigint, coins_hundredths bigint, bonus_received bigint, replayed boolean
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  w credits_wallet;
  t credits_transaction;
  v_usable bigint;
  v_bonus bigint;
BEGIN
  IF p_amount IS NULL OR p_amount <= 0 OR NOT credits_is_outgo(p_kind) THEN
    RAISE EXCEPTION 'a % of %', p_kind, p_amount USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF p_from = p_to THEN
    PERFORM credits_refuse('self_transfer');
  END IF;
  PERFORM credits_wallet_open(p_to);
  PERFORM credits_wallet_lock_two(p_from, p_to);
  SELECT * INTO w FROM credits_wallet WHERE user_id = p_from;
  t := credits_transaction_find(p_from, p_key, p_hash);
  IF t.id IS NOT NULL THEN
    RETURN QUERY SELECT t.id, -o.paid, -o.bonus, o.balance,
      coalesce((SELECT sum(p.amount) FROM credits_posting p WHERE p.transaction_id = t.id AND p.account = 'coins_pending'), 0)::bigint,
      (credits_outcome(t.id, p_to)).bonus, true FROM credits_outcome(t.id, p_from) o;
    RETURN;
  END IF;
  IF w.shortfall > 0 OR w.disputes > 0 THEN
    PERFORM credits_refuse_frozen(w);
  END IF;
  v_usable := coalesce(w.paid, 0);
  IF v_usable < p_amount AND w.user_id IS NOT NULL AND credits_bonus_is_free(w) THEN
    v_usable := w.paid + w.bonus;
  END IF;
  IF v_usable < p_amount THEN
    PERFORM credits_refuse('insufficient_credits', jsonb_build_object('current_balance', v_usable, 'required', p_amount));
  END IF;
  v_bonus := greatest(p_amount - w.paid, 0);
  t := credits_transaction_add(p_from, p_key, p_hash, p_kind, p_ref, p_at);
  PERFORM credits_post(
    credits_wallet_move(p_from, t, v_bonus - p_amount, -v_bonus, p_spent => p_amount)
    || credits_share(p_from, p_to, t, p_amount - v_bonus, v_bonus, p_share_pct, p_at));
  RETURN QUERY SELECT t.id, p_amount - v_bonus, v_bonus, w.paid + w.bonus - p_amount,
    (p_amount - v_bonus) * p_share_pct, v_bonus * p_share_pct / 100, false;
END $$;

-- Makes pending coins available whose time has come, one transaction a user; looks at the p_limit incomes that are due
-- longest. Locks their wallets in id order. Returns how many users; call it again until it returns 0.
CREATE FUNCTION credits_mature(p_at timestamptz, p_limit int DEFAULT 200) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  v_user bigint;
  v_ids bigint[];
  v_sum bigint;
  v_key text;
  v_count int := 0;
  t credits_transaction;
BEGIN
  FOR v_user IN
    SELECT due.user_id FROM (
      SELECT m.user_id FROM credits_maturing m WHERE m.settled_by_id IS NULL AND m.matures_at <= p_at ORDER BY m.matures_at LIMIT p_limit
    ) due GROUP BY due.user_id ORDER BY due.user_id
  LOOP
    PERFORM credits_wallet_lock(v_user);
    SELECT array_agg(m.id ORDER BY m.id), sum(m.amount_hundredths) INTO v_ids, v_sum
    FROM credits_maturing m WHERE m.user_id = v_user AND m.settled_by_id IS NULL AND m.matures_at <= p_at;
    CONTINUE WHEN v_ids IS NULL;  -- another worker was faster
    v_key := 'mature:' || v_ids[cardinality(v_ids)];
    t := credits_transaction_add(v_user, v_key, sha256(convert_to(v_key, 'UTF8')), 'release', v_key, p_at);
    PERFORM credits_post(credits_wallet_move(v_user, t, 0, 0, p_coins_pending => -v_sum, p_coins => v_sum));
    UPDATE credits_maturing SET settled_by_id = t.id WHERE id = ANY (v_ids);
    v_count := v_count + 1;
  END LOOP;
  RETURN v_count;
END $$;
