-- What is taken back from those whom disputed credits were sent to. Coins in hundredths. Every wallet is locked in id order.

-- The coins that users earned from a payer after a transaction, one row a transfer: paid credits and what they became.
CREATE FUNCTION credits_transfers(p_payer bigint, p_since bigint) RETURNS TABLE (transfer_id bigint, recipient_id bigint, paid bigint, coins bigint)
LANGUAGE sql STABLE AS $$
  SELECT t.id, max(m.user_id) FILTER (WHERE m.account = 'coins_pending'),
         -sum(m.amount) FILTER (WHERE m.user_id = t.user_id AND m.account IN ('paid', 'held_paid'))::bigint,
         sum(m.amount) FILTER (WHERE m.account = 'coins_pending')::bigint
  FROM credits_transaction t JOIN credits_moved() m ON m.transaction_id = t.id
  WHERE t.user_id = p_payer AND t.id > p_since AND t.kind IN ('tip', 'unlock', 'remix')
  GROUP BY t.id HAVING sum(m.amount) FILTER (WHERE m.account = 'coins_pending') > 0
$$;

-- Which of these transfers p_credits are looked for in, newest first, less what other clawbacks have claimed of them.
CREATE FUNCTION credits_claims(p_payer bigint, p_since bigint, p_credits bigint)
RETURNS TABLE (transfer_id bigint, recipient_id bigint, credits bigint, hundredths bigint) LANGUAGE sql STABLE AS $$
  SELECT f.transfer_id, f.recipient_id, least(f.free, p_credits - f.newer)::bigint, (least(f.free, p_credits - f.newer) * f.share)::bigint
  FROM (
    SELECT u.*, sum(u.free) OVER (ORDER BY u.transfer_id DESC) - u.free AS newer
    FROM (
      SELECT s.transfer_id, s.recipient_id, s.coins / s.paid AS share, s.paid - coalesce(
        (SELECT sum(c.credits) FROM credits_clawback c WHERE c.transfer_id = s.transfer_id AND c.restored_by_id IS NULL), 0) AS free
      FROM credits_transfers(p_payer, p_since) s
    ) u WHERE u.free > 0
  ) f WHERE f.newer < p_credits
$$;

-- What the clawback of this reference came to, as it stands now.
CREATE FUNCTION credits_clawed(p_ref text) RETURNS TABLE (credits bigint, pending bigint, coins bigint, blocked bigint, lost bigint)
LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(c.credits), 0)::bigint, coalesce(sum(c.pending), 0)::bigint, coalesce(sum(c.coins), 0)::bigint,
         coalesce(sum(c.blocked), 0)::bigint, coalesce(sum(c.lost), 0)::bigint
  FROM credits_clawback c WHERE c.reference = p_ref
$$;

-- Takes at most p_amount of a user's coins that still mature (of one transfer, or of any), latest first; a row of which only a
-- part is needed is split. Returns how much; the caller moves the wallet.
CREATE FUNCTION credits_maturing_take(p_user bigint, p_by bigint, p_transfer bigint, p_amount bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  m credits_maturing;
  v_taken bigint := 0;
  v_part bigint;
BEGIN
  FOR m IN
    SELECT * FROM credits_maturing
    WHERE user_id = p_user AND settled_by_id IS NULL AND (p_transfer IS NULL OR transaction_id = p_transfer)
    ORDER BY matures_at DESC, id DESC
  LOOP
    v_part := least(m.amount_hundredths, p_amount - v_taken);
    EXIT WHEN v_part = 0;
    IF v_part < m.amount_hundredths THEN
      INSERT INTO credits_maturing (user_id, transaction_id, amount_hundredths, matures_at)
      VALUES (p_user, m.transaction_id, m.amount_hundredths - v_part, m.matures_at);
    END IF;
    UPDATE credits_maturing SET amount_hundredths = v_part, settled_by_id = p_by WHERE id = m.id;
    v_taken := v_taken + v_part;
  END LOOP;
  RETURN v_taken;
END $$;

-- Takes back what the payer's p_credits became at others since a transaction, newest transfers first: coins of that transfer that
-- still mature, then available ones, then others that mature; what sits in an open withdrawal is blocked, the rest is lost.
-- Refuses: idempotency_conflict (also for a reference that has been clawed back under another key).
CREATE FUNCTION credits_clawback_take(
  p_payer bigint, p_key text, p_hash bytea, p_ref text, p_since bigint, p_credits bigint, p_at timestamptz
) RETURNS TABLE (credits bigint, pending bigint, coins bigint, blocked bigint, lost bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  -- Of every transfer: while we wait, another clawback may claim the newest ones.
  v_wallets bigint[] := (SELECT array_agg(DISTINCT s.recipient_id) FROM credits_transfers(p_payer, p_since) s);
  t credits_transaction;
  w credits_wallet;
  f record;
  c credits_clawback;
  v_leaving bigint;
BEGIN
  IF p_credits IS NULL OR p_since IS NULL OR p_credits < 0 THEN
    RAISE EXCEPTION 'a clawback of %', p_credits USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM credits_wallets_lock(v_wallets || p_payer);
  t := credits_transaction_find(p_payer, p_key, p_hash);
  IF t.id IS NOT NULL THEN
    RETURN QUERY SELECT * FROM credits_clawed(p_ref);
    RETURN;
  END IF;
  IF EXISTS (SELECT FROM credits_clawback WHERE reference = p_ref) THEN
    PERFORM credits_refuse('idempotency_conflict');
  END IF;
  t := credits_transaction_add(p_payer, p_key, p_hash, 'adjust', p_ref, p_at);
  FOR f IN SELECT * FROM credits_claims(p_payer, p_since, p_credits) ORDER BY recipient_id, transfer_id DESC LOOP
    IF f.recipient_id <> ALL (coalesce(v_wallets, '{}')) THEN
      RAISE EXCEPTION 'the payer''s transfers moved' USING ERRCODE = 'serialization_failure';
    END IF;
    IF w.user_id IS DISTINCT FROM f.recipient_id THEN
      SELECT * INTO w FROM credits_wallet WHERE user_id = f.recipient_id;
      v_leaving := w.coins_leaving - (
        SELECT coalesce(sum(b.blocked), 0) FROM credits_clawback b WHERE b.recipient_id = w.user_id AND b.settled_at IS NULL);
    END IF;
    c.pending := credits_maturing_take(w.user_id, t.id, f.transfer_id, f.hundredths);
    c.coins := least(f.hundredths - c.pending, w.coins);
    c.pending := c.pending + credits_maturing_take(w.user_id, t.id, NULL, f.hundredths - c.pending - c.coins);
    c.blocked := greatest(least(f.hundredths - c.pending - c.coins, v_leaving), 0);
    c.lost := f.hundredths - c.pending - c.coins - c.blocked;
    w.coins := w.coins - c.coins;
    v_leaving := v_leaving - c.blocked;
    INSERT INTO credits_clawback (
      reference, payer_id, recipient_id, transfer_id, credits, pending, coins, blocked, lost, taken_by_id, created_at
    ) VALUES (p_ref, p_payer, f.recipient_id, f.transfer_id, f.credits, c.pending, c.coins, c.blocked, c.lost, t.id, p_at);
  END LOOP;
  PERFORM credits_clawback_post(t, -1);
  RETURN QUERY SELECT * FROM credits_clawed(p_ref);
END $$;

-- Moves what the clawbacks of t's reference took: out of the recipients' wallets into 'refunds' (p_sign -1) or back (1); what is
-- lost goes out of 'losses'. One move a wallet.
CREATE FUNCTION credits_clawback_post(t credits_transaction, p_sign int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  f record;
  v_rows credits_posting[] := '{}';
BEGIN
  FOR f IN
    SELECT recipient_id, sum(pending)::bigint AS pending, sum(coins)::bigint AS coins, sum(lost)::bigint AS lost
    FROM credits_clawback WHERE reference = t.reference GROUP BY recipient_id ORDER BY recipient_id
  LOOP
    IF f.pending + f.coins > 0 THEN
      v_rows := v_rows || credits_wallet_move(f.recipient_id, t, 0, 0, p_coins_pending => p_sign * f.pending, p_coins => p_sign * f.coins);
    END IF;
    v_rows := v_rows || credits_platform(t, 'refunds', -p_sign * (f.pending + f.coins + f.lost), 'coins')
      || credits_platform(t, 'losses', p_sign * f.lost, 'coins');
  END LOOP;
  PERFORM credits_post(v_rows);
END $$;

-- A lost dispute's blocked coins are taken as soon as they are there; while they sit in an open withdrawal they stay blocked, and
-- once that was paid they are lost. The caller has locked the recipient's wallet.
CREATE FUNCTION credits_clawback_settle(c credits_clawback, p_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  w credits_wallet;
  t credits_transaction;
  v_key text := 'clawback:' || c.id;
  v_coins bigint;
BEGIN
  SELECT * INTO w FROM credits_wallet WHERE user_id = c.recipient_id;
  v_coins := least(c.blocked, w.coins);
  IF v_coins < c.blocked AND w.coins_leaving > 0 THEN
    UPDATE credits_clawback SET due_at = coalesce(due_at, p_at) WHERE id = c.id;
    RETURN;
  END IF;
  IF c.blocked > 0 THEN
    t := credits_transaction_add(c.recipient_id, v_key, sha256(convert_to(v_key, 'UTF8')), 'adjust', c.reference, p_at);
    PERFORM credits_post(
      CASE WHEN v_coins > 0 THEN credits_wallet_move(c.recipient_id, t, 0, 0, p_coins => -v_coins) ELSE '{}'::credits_posting[] END
      || credits_platform(t, 'refunds', c.blocked, 'coins') || credits_platform(t, 'losses', v_coins - c.blocked, 'coins'));
  END IF;
  UPDATE credits_clawback SET
    coins = coins + v_coins, lost = lost + c.blocked - v_coins, blocked = 0, collected_by_id = t.id,
    due_at = coalesce(due_at, p_at), settled_at = p_at
  WHERE id = c.id;
END $$;

-- The blocked coins of lost disputes that have come back to this user, whose wallet the caller has locked.
CREATE FUNCTION credits_clawback_settle_due(p_user bigint, p_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  c credits_clawback;
BEGIN
  FOR c IN SELECT * FROM credits_clawback WHERE recipient_id = p_user AND settled_at IS NULL AND due_at IS NOT NULL ORDER BY id LOOP
    PERFORM credits_clawback_settle(c, p_at);
  END LOOP;
END $$;

-- The dispute is lost: what was blocked is taken from what came back meanwhile. Repeats change nothing.
CREATE FUNCTION credits_clawback_collect(p_ref text, p_at timestamptz)
RETURNS TABLE (credits bigint, pending bigint, coins bigint, blocked bigint, lost bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  c credits_clawback;
BEGIN
  PERFORM credits_wallets_lock((SELECT array_agg(recipient_id) FROM credits_clawback WHERE reference = p_ref));
  FOR c IN SELECT * FROM credits_clawback WHERE reference = p_ref AND settled_at IS NULL ORDER BY id LOOP
    PERFORM credits_clawback_settle(c, p_at);
  END LOOP;
  RETURN QUERY SELECT * FROM credits_clawed(p_ref);
END $$;

-- The dispute is won (perhaps after it was lost): all that was taken is back in the same units, what still matured with its old
-- date, and nothing is blocked or lost. Once; repeats change nothing.
CREATE FUNCTION credits_clawback_restore(p_ref text, p_at timestamptz)
RETURNS TABLE (credits bigint, pending bigint, coins bigint, blocked bigint, lost bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  c credits_clawback;
  t credits_transaction;
  v_key text;
BEGIN
  PERFORM credits_wallets_lock((SELECT array_agg(recipient_id) || min(payer_id) FROM credits_clawback WHERE reference = p_ref));
  SELECT * INTO c FROM credits_clawback WHERE reference = p_ref AND restored_by_id IS NULL LIMIT 1;
  IF FOUND THEN
    v_key := 'clawback:restore:' || c.taken_by_id;
    t := credits_transaction_add(
      c.payer_id, v_key, sha256(convert_to(v_key, 'UTF8')), 'adjust', p_ref, p_at, p_reverses => c.taken_by_id);
    INSERT INTO credits_maturing (user_id, transaction_id, amount_hundredths, matures_at)
    SELECT m.user_id, m.transaction_id, m.amount_hundredths, m.matures_at
    FROM credits_maturing m WHERE m.settled_by_id = c.taken_by_id ORDER BY m.id;
    PERFORM credits_clawback_post(t, 1);
    UPDATE credits_clawback SET restored_by_id = t.id, settled_at = p_at WHERE reference = p_ref;
  END IF;
  RETURN QUERY SELECT * FROM credits_clawed(p_ref);
END $$;

CREATE TRIGGER credits_clawback_kept BEFORE DELETE OR TRUNCATE ON credits_clawback
FOR EACH STATEMENT EXECUTE FUNCTION credits_append_only();
