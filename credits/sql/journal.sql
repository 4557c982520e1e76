-- The journal: how a wallet moves and how postings come to stand. Everything else is made of these.

-- The hash of one posting: over the hash of the wallet's posting before and everything that this one says.
CREATE FUNCTION credits_posting_hash(
  p_before bytea, p_user bigint, p_seq bigint, p_account text, p_amount bigint, p_balance bigint,
  p_transaction bigint, p_owner bigint, p_kind text, p_at timestamptz, p_ref text
) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT sha256(p_before || convert_to(
    p_user::text || '|' || p_seq::text || '|' || p_account || '|' || p_amount::text || '|' || p_balance::text || '|'
    || p_transaction::text || '|' || p_owner::text || '|' || p_kind || '|'
    || (extract(epoch FROM p_at AT TIME ZONE 'UTC') * 1000000)::bigint::text || '|' || p_ref, 'UTF8'))
$$;

-- What a chain begins with.
CREATE FUNCTION credits_genesis() RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea
$$;

-- The user has a wallet from now on; an open one stays as it is.
CREATE FUNCTION credits_wallet_open(p_user bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO credits_wallet (
    user_id, paid, bonus, held_paid, held_bonus, coins_pending, coins, coins_leaving, spent, seq, head, bonus_is_free, shortfall, disputes
  ) VALUES (p_user, 0, 0, 0, 0, 0, 0, 0, 0, 0, credits_genesis(), false, 0, 0)
  ON CONFLICT (user_id) DO NOTHING;
END $$;

-- The wallet, locked until the transaction ends; all null for a user without one.
CREATE FUNCTION credits_wallet_lock(p_user bigint) RETURNS credits_wallet LANGUAGE plpgsql AS $$
DECLARE
  w credits_wallet;
BEGIN
  SELECT * INTO w FROM credits_wallet WHERE user_id = p_user FOR NO KEY UPDATE;
  RETURN w;
END $$;

-- Both wallets locked, lower id first, so that two transfers never wait for each other.
CREATE FUNCTION credits_wallet_lock_two(p_one bigint, p_other bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM credits_wallet_lock(least(p_one, p_other));
  PERFORM credits_wallet_lock(greatest(p_one, p_other));
END $$;

-- All of these wallets locked, in id order.
CREATE FUNCTION credits_wallets_lock(p_users bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_user bigint;
BEGIN
  FOR v_user IN SELECT DISTINCT u FROM unnest(p_users) AS u WHERE u IS NOT NULL ORDER BY u LOOP
    PERFORM credits_wallet_lock(v_user);
  END LOOP;
END $$;

-- The owner's transaction under this key, all null if there is none. Refuses: idempotency_conflict (other input).
CREATE FUNCTION credits_transaction_find(p_user bigint, p_key text, p_hash bytea) RETURNS credits_transaction
LANGUAGE plpgsql AS $$
DECLARE
  t credits_transaction;
BEGIN
  SELECT * INTO t FROM credits_transaction WHERE user_id = p_user AND key = p_key;
  IF FOUND AND t.input_hash <> p_hash THEN
    PERFORM credits_refuse('idempotency_conflict');
  END IF;
  RETURN t;
END $$;

CREATE FUNCTION credits_transaction_add(
  p_user bigint, p_key text, p_hash bytea, p_kind text, p_ref text, p_at timestamptz,
  p_api_key bigint DEFAULT NULL, p_limit_day date DEFAULT NULL, p_entitlement bigint DEFAULT NULL, p_reverses bigint DEFAULT NULL
) RETURNS credits_transaction LANGUAGE plpgsql AS $$
DECLARE
  t credits_transaction;
BEGIN
  INSERT INTO credits_transaction (
    user_id, key, input_hash, kind, reference, api_key_id, limit_day, entitlement_id, reverses_id, created_at
  ) VALUES (p_user, p_key, p_hash, p_kind, p_ref, p_api_key, p_limit_day, p_entitlement, p_reverses, p_at)
  RETURNING * INTO t;
  RETURN t;
END $$;

-- Moves the buckets of a wallet that the caller has locked; returns its chained postings, still to be inserted.
-- Credits that come into a wallet that owes some repay them at once, paid ones first: postings of their own, to 'refunds'.
CREATE FUNCTION credits_wallet_move(
  p_user bigint, t credits_transaction, p_paid bigint, p_bonus bigint, p_held_paid bigint DEFAULT 0, p_held_bonus bigint DEFAULT 0,
  p_spent bigint DEFAULT 0, p_coins_pending bigint DEFAULT 0, p_coins bigint DEFAULT 0, p_coins_leaving bigint DEFAULT 0
) RETURNS credits_posting[] LANGUAGE plpgsql AS $$
DECLARE
  c_accounts CONSTANT text[] := ARRAY['paid', 'bonus', 'held_paid', 'held_bonus', 'coins_pending', 'coins', 'coins_leaving', 'paid', 'bonus'];
  v_amounts bigint[] := ARRAY[p_paid, p_bonus, p_held_paid, p_held_bonus, p_coins_pending, p_coins, p_coins_leaving];
  w credits_wallet;
  v_row credits_posting;
  v_rows credits_posting[] := '{}';
  v_repaid_paid bigint := 0;
  v_repaid_bonus bigint := 0;
BEGIN
  SELECT * INTO STRICT w FROM credits_wallet WHERE user_id = p_user;
  IF w.shortfall > 0 THEN
    v_repaid_paid := least(w.shortfall, w.paid + p_paid);
    v_repaid_bonus := least(w.shortfall - v_repaid_paid, w.bonus + p_bonus);
    PERFORM credits_repay(p_user, t, v_repaid_paid, v_repaid_bonus);
    v_amounts := v_amounts || ARRAY[-v_repaid_paid, -v_repaid_bonus];
    v_rows := v_rows || credits_platform(t, 'refunds', v_repaid_paid + v_repaid_bonus);
  END IF;
  v_row.transaction_id := t.id;
  v_row.user_id := p_user;
  FOR i IN 1..cardinality(v_amounts) LOOP
    CONTINUE WHEN v_amounts[i] = 0;
    w.seq := w.seq + 1;
    v_row.seq := w.seq;
    v_row.account := c_accounts[i];
    v_row.amount := v_amounts[i];
    IF i <= 4 OR i > 7 THEN
      v_row.unit := 'credits';
      v_row.balance := w.paid + w.bonus + p_paid + p_bonus - v_repaid_paid - v_repaid_bonus;
    ELSE
      v_row.unit := 'coins';
      v_row.balance := w.coins_pending + w.coins + p_coins_pending + p_coins;
    END IF;
    w.head := credits_posting_hash(
      w.head, p_user, w.seq, v_row.account, v_row.amount, v_row.balance, t.id, t.user_id, t.kind, t.created_at, t.reference);
    v_row.hash := w.head;
    v_rows := v_rows || v_row;
  END LOOP;
  UPDATE credits_wallet SET
    paid = paid + p_paid - v_repaid_paid, bonus = bonus + p_bonus - v_repaid_bonus,
    shortfall = shortfall - v_repaid_paid - v_repaid_bonus, held_paid = held_paid + p_held_paid, held_bonus = held_bonus + p_held_bonus,
    coins_pending = coins_pending + p_coins_pending, coins = coins + p_coins, coins_leaving = coins_leaving + p_coins_leaving,
    spent = spent + p_spent, seq = w.seq, head = w.head
  WHERE user_id = p_user;
  RETURN v_rows;
END $$;

-- One posting of an account of the platform, still to be inserted.
CREATE FUNCTION credits_platform(t credits_transaction, p_account text, p_amount bigint, p_unit text DEFAULT 'credits')
RETURNS credits_posting LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  v_row credits_posting;
BEGIN
  v_row.transaction_id := t.id;
  v_row.account := p_account;
  v_row.unit := p_unit;
  v_row.amount := p_amount;
  RETURN v_row;
END $$;

-- All postings of a transaction, in one statement: the guard wants each statement to sum to zero. Zeros are left out.
-- (plpgsql and not sql here and above: its plans are kept for the session.)
CREATE FUNCTION credits_post(p_rows credits_posting[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO credits_posting (transaction_id, user_id, seq, account, unit, amount, balance, hash)
  SELECT p.transaction_id, p.user_id, p.seq, p.account, p.unit, p.amount, p.balance, p.hash
  FROM unnest(p_rows) AS p WHERE p.amount <> 0;
END $$;

-- What a transaction did to this user's credits, before any shortfall was repaid out of them, and the balance it left
-- (today's, if it moved nothing).
CREATE FUNCTION credits_outcome(
  p_transaction bigint, p_user bigint,
  OUT paid bigint, OUT bonus bigint, OUT held_paid bigint, OUT held_bonus bigint, OUT balance bigint
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
  v_repaid record;
BEGIN
  SELECT coalesce(sum(p.amount) FILTER (WHERE p.account = 'paid'), 0),
         coalesce(sum(p.amount) FILTER (WHERE p.account = 'bonus'), 0),
         coalesce(sum(p.amount) FILTER (WHERE p.account = 'held_paid'), 0),
         coalesce(sum(p.amount) FILTER (WHERE p.account = 'held_bonus'), 0),
         coalesce(max(p.balance) FILTER (WHERE p.unit = 'credits'),
                  (SELECT w.paid + w.bonus FROM credits_wallet w WHERE w.user_id = p_user))
  INTO paid, bonus, held_paid, held_bonus, balance
  FROM credits_posting p WHERE p.transaction_id = p_transaction AND p.user_id = p_user;
  SELECT coalesce(sum(r.paid), 0) AS paid, coalesce(sum(r.bonus), 0) AS bonus INTO v_repaid
  FROM credits_repayment r JOIN credits_takeback b ON b.id = r.takeback_id
  WHERE r.transaction_id = p_transaction AND b.user_id = p_user;
  credits_outcome.paid := credits_outcome.paid + v_repaid.paid;
  credits_outcome.bonus := credits_outcome.bonus + v_repaid.bonus;
END $$;
