-- What the database itself refuses, whoever asks.

CREATE FUNCTION credits_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER credits_posting_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credits_posting
FOR EACH STATEMENT EXECUTE FUNCTION credits_append_only();
CREATE TRIGGER credits_transaction_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credits_transaction
FOR EACH STATEMENT EXECUTE FUNCTION credits_append_only();
CREATE TRIGGER credits_digest_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credits_digest
FOR EACH STATEMENT EXECUTE FUNCTION credits_append_only();
CREATE TRIGGER credits_wallet_kept BEFORE DELETE OR TRUNCATE ON credits_wallet
FOR EACH STATEMENT EXECUTE FUNCTION credits_append_only();

-- One statement inserts all postings of one transaction: it exists, they sum to zero in each unit, and every
-- wallet among them has been moved to the last of its own. One pass over the rows: a spend feels it.
CREATE FUNCTION credits_posting_judge() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v record;
BEGIN
  SELECT min(a.transaction_id) = max(a.transaction_id) AS is_one,
         coalesce(sum(a.amount) FILTER (WHERE a.unit = 'credits'), 0) AS credits,
         coalesce(sum(a.amount) FILTER (WHERE a.unit = 'coins'), 0) AS coins,
         coalesce(sum(a.amount) FILTER (WHERE a.unit = 'cny'), 0) AS cny,
         min(a.user_id) AS low, max(a.user_id) AS high, max(a.seq) AS seq,
         EXISTS (SELECT FROM credits_transaction t WHERE t.id = max(a.transaction_id)) AS is_known,
         (SELECT w.seq FROM credits_wallet w WHERE w.user_id = max(a.user_id)) AS wallet_seq
  INTO v FROM added a;
  IF (v.credits, v.coins, v.cny) <> (0, 0, 0) THEN
    RAISE EXCEPTION 'the postings of a transaction do not sum to zero' USING ERRCODE = 'check_violation';
  END IF;
  IF v.is_one IS NOT NULL AND NOT (v.is_one AND v.is_known) THEN
    RAISE EXCEPTION 'postings come all at once under one transaction' USING ERRCODE = 'foreign_key_violation';
  END IF;
  IF v.low = v.high AND v.seq IS DISTINCT FROM v.wallet_seq OR v.low < v.high AND EXISTS (
    SELECT FROM added a WHERE a.user_id IS NOT NULL
    GROUP BY a.user_id
    HAVING max(a.seq) IS DISTINCT FROM (SELECT w.seq FROM credits_wallet w WHERE w.user_id = a.user_id)
  ) THEN
    RAISE EXCEPTION 'a posting without its wallet''s move' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER credits_posting_judge AFTER INSERT ON credits_posting
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION credits_posting_judge();

-- A bucket never changes without a new posting, and a wallet is born empty.
-- (The rows are compared here and not in WHEN: a trigger's condition is read from its text at every update.)
CREATE FUNCTION credits_wallet_judge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (new.user_id, new.paid, new.bonus, new.held_paid, new.held_bonus, new.coins_pending, new.coins, new.coins_leaving, new.spent, new.seq, new.head)
    IS DISTINCT FROM
    (old.user_id, old.paid, old.bonus, old.held_paid, old.held_bonus, old.coins_pending, old.coins, old.coins_leaving, old.spent, old.seq, old.head)
  THEN
    RAISE EXCEPTION 'a wallet moves by postings only' USING ERRCODE = 'check_violation';
  END IF;
  RETURN new;
END $$;

CREATE TRIGGER credits_wallet_moves BEFORE UPDATE ON credits_wallet FOR EACH ROW
WHEN (new.seq <= old.seq OR new.head = old.head) EXECUTE FUNCTION credits_wallet_judge();

CREATE FUNCTION credits_wallet_born() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (new.paid, new.bonus, new.held_paid, new.held_bonus, new.coins_pending, new.coins, new.coins_leaving, new.spent, new.seq,
      new.shortfall, new.disputes) IS DISTINCT FROM (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
  THEN
    RAISE EXCEPTION 'a wallet moves by postings only' USING ERRCODE = 'check_violation';
  END IF;
  RETURN new;
END $$;

CREATE TRIGGER credits_wallet_born_empty BEFORE INSERT ON credits_wallet FOR EACH ROW EXECUTE FUNCTION credits_wallet_born();
