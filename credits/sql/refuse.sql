-- Refuses in the words that config.kernel.sql turns into the DomainError of that code.
CREATE FUNCTION credits_refuse(p_code text, p_params jsonb DEFAULT '{}') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'ATELR', MESSAGE = p_code, DETAIL = p_params::text;
END $$;

-- The calendar day of business: Asia/Shanghai.
CREATE FUNCTION credits_day(p_at timestamptz) RETURNS date LANGUAGE sql IMMUTABLE AS $$
  SELECT (p_at AT TIME ZONE 'Asia/Shanghai')::date
$$;

-- Kinds by which credits leave their owner: they count as spent, and nothing else may bear their name.
CREATE FUNCTION credits_is_outgo(p_kind text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT p_kind IN ('spend', 'tip', 'unlock', 'remix')
$$;

-- Refuses what a frozen wallet may not do: spend, hold, send or withdraw while credits are owed or a payment is disputed.
-- (Callers compare the two numbers themselves: a spend feels a call.)
CREATE FUNCTION credits_refuse_frozen(w credits_wallet) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM credits_refuse('wallet_frozen', jsonb_build_object('shortfall', w.shortfall, 'disputes', w.disputes));
END $$;
