-- What is taken back from the one who bought it: of what is unspent, or as a debt (shortfall) that the next credits repay.

-- A shortfall is repaid: the oldest take-back first, paid credits before bonus. The caller moves the wallet, which it has locked.
CREATE FUNCTION credits_repay(p_user bigint, t credits_transaction, p_paid bigint, p_bonus bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  b credits_takeback;
  v_left_paid bigint := p_paid;
  v_left_bonus bigint := p_bonus;
  v_paid bigint;
  v_bonus bigint;
BEGIN
  FOR b IN
    SELECT * FROM credits_takeback
    WHERE user_id = p_user AND restored_by_id IS NULL AND shortfall > repaid_paid + repaid_bonus ORDER BY id
  LOOP
    EXIT WHEN v_left_paid + v_left_bonus = 0;
    v_paid := least(v_left_paid, b.shortfall - b.repaid_paid - b.repaid_bonus);
    v_bonus := least(v_left_bonus, b.shortfall - b.repaid_paid - b.repaid_bonus - v_paid);
    UPDATE credits_takeback SET repaid_paid = repaid_paid + v_paid, repaid_bonus = repaid_bonus + v_bonus WHERE id = b.id;
    INSERT INTO credits_repayment (takeback_id, transaction_id, paid, bonus) VALUES (b.id, t.id, v_paid, v_bonus);
    v_left_paid := v_left_paid - v_paid;
    v_left_bonus := v_left_bonus - v_bonus;
  END LOOP;
END $$;

-- What transactions moved in wallets, as if no shortfall had been repaid out of it.
CREATE FUNCTION credits_moved() RETURNS TABLE (transaction_id bigint, user_id bigint, account text, unit text, amount bigint)
LANGUAGE sql STABLE AS $$
  SELECT p.transaction_id, p.user_id, p.account::text, p.unit::text, p.amount FROM credits_posting p WHERE p.user_id IS NOT NULL
  UNION ALL
  SELECT r.transaction_id, b.user_id, 'paid', 'credits', r.paid FROM credits_repayment r JOIN credits_takeback b ON b.id = r.takeback_id
  UNION ALL
  SELECT r.transaction_id, b.user_id, 'bonus', 'credits', r.bonus FROM credits_repayment r JOIN credits_takeback b ON b.id = r.takeback_id
$$;

-- Takes p_paid paid credits and at most p_bonus bonus ones. With p_may_owe bonus stands in for paid ones that are gone, and what
-- is missing then is owed: the wallet's shortfall. Opens and locks the wallet.
-- Refuses: refund_exceeds_unspent (without p_may_owe), idempotency_conflict.
CREATE FUNCTION credits_takeback_take(
  p_user bigint, p_key text, p_hash bytea, p_ref text, p_paid bigint, p_bonus bigint, p_may_owe boolean, p_at timestamptz
) RETURNS TABLE (takeback_id bigint, transaction_id bigint, paid bigint, bonus bigint, shortfall bigint, balance bigint, replayed boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  w credits_wallet;
  t credits_transaction;
  b credits_takeback;
BEGIN
  IF p_paid IS NULL OR p_bonus IS NULL OR p_may_owe IS NULL OR least(p_paid, p_bonus) < 0 THEN
    RAISE EXCEPTION 'a take-back of % and %', p_paid, p_bonus USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM credits_wallet_open(p_user);
  w := credits_wallet_lock(p_user);
  t := credits_transaction_find(p_user, p_key, p_hash);
  IF t.id IS NOT NULL THEN
    RETURN QUERY SELECT k.id, t.id, k.paid, k.bonus, k.shortfall, o.balance, true
      FROM credits_takeback k, credits_outcome(t.id, p_user) o WHERE k.transaction_id = t.id;
    RETURN;
  END IF;
  b.paid := least(w.paid, p_paid);
  IF b.paid < p_paid AND NOT p_may_owe THEN
    PERFORM credits_refuse('refund_exceeds_unspent', jsonb_build_object('unspent', w.paid, 'required', p_paid));
  END IF;
  b.bonus_instead := least(w.bonus, p_paid - b.paid);
  b.bonus := b.bonus_instead + least(w.bonus - b.bonus_instead, p_bonus);
  b.shortfall := p_paid - b.paid - b.bonus_instead;
  t := credits_transaction_add(p_user, p_key, p_hash, 'adjust', p_ref, p_at);
  INSERT INTO credits_takeback (
    user_id, key, reference, paid, bonus, bonus_instead, shortfall, repaid_paid, repaid_bonus, transaction_id, created_at
  ) VALUES (p_user, p_key, p_ref, b.paid, b.bonus, b.bonus_instead, b.shortfall, 0, 0, t.id, p_at) RETURNING * INTO b;
  IF b.paid + b.bonus > 0 THEN
    PERFORM credits_post(credits_wallet_move(p_user, t, -b.paid, -b.bonus) || credits_platform(t, 'refunds', b.paid + b.bonus));
  END IF;
  UPDATE credits_wallet SET shortfall = shortfall + b.shortfall WHERE user_id = p_user AND b.shortfall > 0;
  RETURN QUERY SELECT b.id, t.id, b.paid, b.bonus, b.shortfall, w.paid + w.bonus - b.paid - b.bonus, false;
END $$;

-- Gives back what a take-back took and was repaid, each in the bucket it came from, and cancels what it is still owed: once for
-- ever, whatever the key. Another open shortfall is repaid out of it first. Locks the wallet.
-- Refuses: takeback_not_found, idempotency_conflict (the key stands for something else).
CREATE FUNCTION credits_takeback_restore(p_takeback bigint, p_key text, p_at timestamptz)
RETURNS TABLE (transaction_id bigint, paid bigint, bonus bigint, balance bigint, charged bigint, replayed boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  c_hash CONSTANT bytea := sha256(convert_to('restore|' || p_takeback, 'UTF8'));
  b credits_takeback;
  w credits_wallet;
  t credits_transaction;
  v_open bigint;
  v_paid bigint;
  v_bonus bigint;
BEGIN
  SELECT * INTO b FROM credits_takeback WHERE id = p_takeback;
  IF NOT FOUND THEN
    PERFORM credits_refuse('takeback_not_found');
  END IF;
  w := credits_wallet_lock(b.user_id);
  SELECT * INTO b FROM credits_takeback WHERE id = p_takeback;  -- as it stands now that nobody else moves it
  IF b.restored_by_id IS NOT NULL THEN
    RETURN QUERY SELECT b.restored_by_id, o.paid, o.bonus, o.balance, 0::bigint, true FROM credits_outcome(b.restored_by_id, b.user_id) o;
    RETURN;
  END IF;
  PERFORM credits_transaction_find(b.user_id, p_key, c_hash);
  t := credits_transaction_add(b.user_id, p_key, c_hash, 'adjust', b.reference, p_at, p_reverses => b.transaction_id);
  v_open := b.shortfall - b.repaid_paid - b.repaid_bonus;
  v_paid := b.paid + b.repaid_paid;
  v_bonus := b.bonus + b.repaid_bonus;
  UPDATE credits_takeback SET restored_by_id = t.id WHERE id = b.id;
  UPDATE credits_wallet SET shortfall = shortfall - v_open WHERE user_id = b.user_id AND v_open > 0;
  IF v_paid + v_bonus > 0 THEN
    PERFORM credits_post(credits_wallet_move(b.user_id, t, v_paid, v_bonus) || credits_platform(t, 'refunds', -(v_paid + v_bonus)));
  END IF;
  RETURN QUERY SELECT t.id, v_paid, v_bonus, greatest(w.paid + w.bonus + v_paid + v_bonus - (w.shortfall - v_open), 0), 0::bigint, false;
END $$;

CREATE TRIGGER credits_repayment_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credits_repayment
FOR EACH STATEMENT EXECUTE FUNCTION credits_append_only();
CREATE TRIGGER credits_takeback_kept BEFORE DELETE OR TRUNCATE ON credits_takeback
FOR EACH STATEMENT EXECUTE FUNCTION credits_append_only();
