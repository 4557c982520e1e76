-- What comes into a wallet from outside: sales, campaigns, losses; and what leaves it for good.

-- Takes credits out of a campaign's budget. False, and nothing taken, when too little remains or it is off.
CREATE FUNCTION credits_campaign_take(p_slug text, p_amount bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  UPDATE credits_campaign SET remaining_credits = remaining_credits - p_amount
  WHERE slug = p_slug AND is_active AND remaining_credits >= p_amount;
  IF FOUND THEN
    RETURN true;
  END IF;
  IF NOT EXISTS (SELECT FROM credits_campaign WHERE slug = p_slug) THEN
    PERFORM credits_refuse('source_unknown', jsonb_build_object('source', 'campaign:' || p_slug));
  END IF;
  RETURN false;
END $$;

-- Gives credits to a user out of p_source: 'campaign:<slug>' and 'sales' give bonus only, 'losses' and 'refunds' give back
-- either; new paid credits come by credits_order_settle alone. An exhausted campaign grants 0, books nothing (transaction_id
-- null) and is no error. Opens and locks the wallet; the campaign's row last.
-- Refuses: source_unknown, paid_without_sale, idempotency_conflict.
CREATE FUNCTION credits_grant(
  p_user bigint, p_key text, p_hash bytea, p_kind text, p_ref text, p_paid bigint, p_bonus bigint, p_source text, p_at timestamptz
) RETURNS TABLE (transaction_id bigint, paid bigint, bonus bigint, balance bigint, replayed boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  w credits_wallet;
  t credits_transaction;
BEGIN
  IF p_paid IS NULL OR p_bonus IS NULL OR least(p_paid, p_bonus) < 0 OR p_paid + p_bonus = 0 OR credits_is_outgo(p_kind) THEN
    RAISE EXCEPTION 'a % of % and %', p_kind, p_paid, p_bonus USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF p_source NOT LIKE 'campaign:%' AND p_source NOT IN ('sales', 'losses', 'refunds') THEN
    PERFORM credits_refuse('source_unknown', jsonb_build_object('source', p_source));
  END IF;
  IF p_paid > 0 AND p_source NOT IN ('losses', 'refunds') THEN
    PERFORM credits_refuse('paid_without_sale');
  END IF;
  PERFORM credits_wallet_open(p_user);
  w := credits_wallet_lock(p_user);
  t := credits_transaction_find(p_user, p_key, p_hash);
  IF t.id IS NOT NULL THEN
    RETURN QUERY SELECT t.id, o.paid, o.bonus, o.balance, true FROM credits_outcome(t.id, p_user) o;
    RETURN;
  END IF;
  IF p_source LIKE 'campaign:%' AND NOT credits_campaign_take(substr(p_source, 10), p_bonus) THEN
    RETURN QUERY SELECT NULL::bigint, 0::bigint, 0::bigint, w.paid + w.bonus, false;
    RETURN;
  END IF;
  t := credits_transaction_add(p_user, p_key, p_hash, p_kind, p_ref, p_at);
  PERFORM credits_post(credits_wallet_move(p_user, t, p_paid, p_bonus) || credits_platform(t, p_source, -(p_paid + p_bonus)));
  RETURN QUERY SELECT t.id, p_paid, p_bonus, greatest(w.paid + w.bonus + p_paid + p_bonus - w.shortfall, 0), false;
END $$;

-- The least CNY cents that a paid credit may cost: settings.FLOOR_PRICE_CENTS, and a constraint of every order.
CREATE FUNCTION credits_floor_cents() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT 5::bigint
$$;

-- Uses at most p_amount of what is left of the user's own promise, for the caller to post from p_account. The caller has locked
-- the user's wallet. A foreign, unknown, withdrawn or exhausted promise gives 0.
CREATE FUNCTION credits_promise_use(p_promise bigint, p_user bigint, p_amount bigint, OUT amount bigint, OUT account text)
LANGUAGE plpgsql AS $$
DECLARE
  v_promise credits_promise;
BEGIN
  SELECT * INTO v_promise FROM credits_promise WHERE id = p_promise AND user_id = p_user AND withdrawn_at IS NULL;
  amount := least(p_amount, coalesce(v_promise.amount_credits - v_promise.paid_credits, 0));
  account := coalesce((SELECT 'campaign:' || slug FROM credits_campaign WHERE id = v_promise.campaign_id), 'sales');
  UPDATE credits_promise SET paid_credits = paid_credits + amount WHERE id = v_promise.id AND amount > 0;
END $$;

-- A paid order: p_cents CNY cents came in at p_channel and bring p_paid credits out of 'sales' and p_bonus out of p_bonus_source
-- ('sales', 'campaign:<slug>' or 'promise:<id>'; an exhausted campaign adds 0, a promise what is left of it, 0 if it is not this
-- user's). One transaction; it frees the user's bonus for transfers. Opens and locks the wallet; the campaign's row last.
-- Refuses: source_unknown, paid_without_sale (also below the floor price), idempotency_conflict.
CREATE FUNCTION credits_order_settle(
  p_user bigint, p_key text, p_hash bytea, p_ref text, p_paid bigint, p_bonus bigint, p_channel text, p_cents bigint,
  p_bonus_source text, p_at timestamptz
) RETURNS TABLE (transaction_id bigint, paid bigint, bonus bigint, balance bigint, replayed boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  w credits_wallet;
  t credits_transaction;
  v_cash text := 'cash:' || p_channel;
  v_bonus bigint := p_bonus;
  v_source text := p_bonus_source;
BEGIN
  IF p_paid IS NULL OR p_bonus IS NULL OR p_cents IS NULL OR least(p_paid, p_bonus, p_cents) < 0 THEN
    RAISE EXCEPTION 'a sale of % and % for %', p_paid, p_bonus, p_cents USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF p_cents = 0 OR p_paid * credits_floor_cents() > p_cents THEN
    PERFORM credits_refuse('paid_without_sale');
  END IF;
  IF NOT EXISTS (SELECT FROM credits_account WHERE code = v_cash) THEN
    PERFORM credits_refuse('source_unknown', jsonb_build_object('source', v_cash));
  END IF;
  IF p_bonus_source <> 'sales' AND p_bonus_source NOT LIKE 'campaign:%' AND p_bonus_source !~ '^promise:[0-9]{1,18}$' THEN
    PERFORM credits_refuse('source_unknown', jsonb_build_object('source', p_bonus_source));
  END IF;
  PERFORM credits_wallet_open(p_user);
  w := credits_wallet_lock(p_user);
  t := credits_transaction_find(p_user, p_key, p_hash);
  IF t.id IS NOT NULL THEN
    RETURN QUERY SELECT t.id, o.paid, o.bonus, o.balance, true FROM credits_outcome(t.id, p_user) o;
    RETURN;
  END IF;
  IF p_bonus > 0 AND p_bonus_source LIKE 'campaign:%' AND NOT credits_campaign_take(substr(p_bonus_source, 10), p_bonus) THEN
    v_bonus := 0;
  ELSIF p_bonus_source LIKE 'promise:%' THEN
    SELECT f.amount, f.account INTO v_bonus, v_source FROM credits_promise_use(substr(p_bonus_source, 9)::bigint, p_user, p_bonus) f;
  END IF;
  t := credits_transaction_add(p_user, p_key, p_hash, 'recharge', p_ref, p_at);
  UPDATE credits_wallet SET bonus_is_free = true WHERE user_id = p_user AND NOT bonus_is_free;
  PERFORM credits_post(
    CASE WHEN p_paid + v_bonus > 0 THEN credits_wallet_move(p_user, t, p_paid, v_bonus) ELSE '{}'::credits_posting[] END
    || credits_platform(t, 'sales', -p_paid) || credits_platform(t, v_source, -v_bonus)
    || credits_platform(t, v_cash, p_cents, 'cny') || credits_platform(t, 'sales', -p_cents, 'cny'));
  RETURN QUERY SELECT t.id, p_paid, v_bonus, greatest(w.paid + w.bonus + p_paid + v_bonus - w.shortfall, 0), false;
END $$;

-- Reserves credits of a campaign for a user. An exhausted campaign promises nothing (promise_id null, amount 0).
-- Locks the campaign's row. Refuses: source_unknown, idempotency_conflict (other campaign or amount under the key).
CREATE FUNCTION credits_campaign_promise(p_user bigint, p_slug text, p_key text, p_ref text, p_amount bigint, p_at timestamptz)
RETURNS TABLE (promise_id bigint, amount bigint, replayed boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_promise credits_promise;
  v_slug text;
BEGIN
  PERFORM credits_wallet_open(p_user);
  PERFORM credits_wallet_lock(p_user);
  SELECT * INTO v_promise FROM credits_promise WHERE user_id = p_user AND key = p_key;
  IF FOUND THEN
    SELECT slug INTO v_slug FROM credits_campaign WHERE id = v_promise.campaign_id;
    IF v_slug <> p_slug OR v_promise.amount_credits <> p_amount THEN
      PERFORM credits_refuse('idempotency_conflict');
    END IF;
    RETURN QUERY SELECT v_promise.id, v_promise.amount_credits, true;
    RETURN;
  END IF;
  IF NOT credits_campaign_take(p_slug, p_amount) THEN
    RETURN QUERY SELECT NULL::bigint, 0::bigint, false;
    RETURN;
  END IF;
  INSERT INTO credits_promise (campaign_id, user_id, key, reference, amount_credits, paid_credits, created_at)
  SELECT c.id, p_user, p_key, p_ref, p_amount, 0, p_at FROM credits_campaign c WHERE c.slug = p_slug
  RETURNING * INTO v_promise;
  RETURN QUERY SELECT v_promise.id, p_amount, false;
END $$;

-- Pays bonus credits out of a promise; the budget was reserved when it was made, so no campaign is asked or locked.
-- Locks the wallet. Refuses: promise_closed (withdrawn, unknown, or less is left), idempotency_conflict.
CREATE FUNCTION credits_campaign_pay(
  p_promise bigint, p_key text, p_hash bytea, p_kind text, p_ref text, p_amount bigint, p_at timestamptz
) RETURNS TABLE (transaction_id bigint, paid bigint, bonus bigint, balance bigint, replayed boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_user bigint;
  v_account text;
  w credits_wallet;
  t credits_transaction;
BEGIN
  IF credits_is_outgo(p_kind) THEN
    RAISE EXCEPTION 'a % out of a campaign', p_kind USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT p.user_id, 'campaign:' || c.slug INTO v_user, v_account
  FROM credits_promise p JOIN credits_campaign c ON c.id = p.campaign_id WHERE p.id = p_promise;
  IF NOT FOUND THEN
    PERFORM credits_refuse('promise_closed');
  END IF;
  w := credits_wallet_lock(v_user);
  t := credits_transaction_find(v_user, p_key, p_hash);
  IF t.id IS NOT NULL THEN
    RETURN QUERY SELECT t.id, o.paid, o.bonus, o.balance, true FROM credits_outcome(t.id, v_user) o;
    RETURN;
  END IF;
  UPDATE credits_promise SET paid_credits = paid_credits + p_amount
  WHERE id = p_promise AND p_amount > 0 AND withdrawn_at IS NULL AND paid_credits + p_amount <= amount_credits;
  IF NOT FOUND THEN
    PERFORM credits_refuse('promise_closed');
  END IF;
  t := credits_transaction_add(v_user, p_key, p_hash, p_kind, p_ref, p_at);
  PERFORM credits_post(credits_wallet_move(v_user, t, 0, p_amount) || credits_platform(t, v_account, -p_amount));
  RETURN QUERY SELECT t.id, 0::bigint, p_amount, greatest(w.paid + w.bonus + p_amount - w.shortfall, 0), false;
END $$;

-- Ends a promise: what is unpaid of it goes back to the campaign, once. Returns how much. Locks the user's wallet, the campaign last.
CREATE FUNCTION credits_campaign_withdraw(p_promise bigint, p_at timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_promise credits_promise;
BEGIN
  PERFORM credits_wallet_lock((SELECT user_id FROM credits_promise WHERE id = p_promise));
  UPDATE credits_promise SET withdrawn_at = p_at WHERE id = p_promise AND withdrawn_at IS NULL RETURNING * INTO v_promise;
  IF NOT FOUND THEN
    RETURN 0;
  END IF;
  UPDATE credits_campaign SET remaining_credits = remaining_credits + v_promise.amount_credits - v_promise.paid_credits
  WHERE id = v_promise.campaign_id;
  RETURN v_promise.amount_credits - v_promise.paid_credits;
END $$;

-- An erased user's credits and coins, pending ones too, go to 'losses'; open holds stay with their tasks.
-- Locks the wallet. Returns how many credits; 0 the second time.
CREATE FUNCTION credits_forfeit(p_user bigint, p_at timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  w credits_wallet := credits_wallet_lock(p_user);
  v_key text := 'forfeit:' || coalesce(w.seq, 0);
  t credits_transaction;
BEGIN
  IF w.user_id IS NULL OR w.paid + w.bonus + w.coins_pending + w.coins = 0 THEN
    RETURN 0;
  END IF;
  t := credits_transaction_add(p_user, v_key, sha256(convert_to(v_key, 'UTF8')), 'adjust', v_key, p_at);
  UPDATE credits_maturing SET settled_by_id = t.id WHERE user_id = p_user AND settled_by_id IS NULL;
  PERFORM credits_post(
    credits_wallet_move(p_user, t, -w.paid, -w.bonus, p_coins_pending => -w.coins_pending, p_coins => -w.coins)
    || credits_platform(t, 'losses', w.paid + w.bonus) || credits_platform(t, 'losses', w.coins_pending + w.coins, 'coins'));
  RETURN w.paid + w.bonus;
END $$;
