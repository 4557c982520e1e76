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

-- Postings come balanced, under a transaction, and with the wallet moved to the last of them.
CREATE FUNCTION credits_posting_judge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM added a GROUP BY a.transaction_id, a.unit HAVING sum(a.amount) <> 0) THEN
    RAISE EXCEPTION 'the postings of a transaction do not sum to zero' USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (
    SELECT FROM added a WHERE NOT EXISTS (SELECT FROM credits_transaction t WHERE t.id = a.transaction_id)
  ) THEN
    RAISE EXCEPTION 'a posting without a transaction' USING ERRCODE = 'foreign_key_violation';
  END IF;
  IF EXISTS (
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
CREATE FUNCTION credits_wallet_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a wallet moves by postings only' USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER credits_wallet_moves BEFORE UPDATE ON credits_wallet FOR EACH ROW
WHEN (
  (new.seq <= old.seq OR new.head = old.head) AND
  (new.user_id, new.paid, new.bonus, new.held_paid, new.held_bonus, new.coins_pending, new.coins, new.coins_leaving, new.spent, new.seq, new.head)
  IS DISTINCT FROM
  (old.user_id, old.paid, old.bonus, old.held_paid, old.held_bonus, old.coins_pending, old.coins, old.coins_leaving, old.spent, old.seq, old.head)
) EXECUTE FUNCTION credits_wallet_refuse();

CREATE TRIGGER credits_wallet_born_empty BEFORE INSERT ON credits_wallet FOR EACH ROW
WHEN (
  (new.paid, new.bonus, new.held_paid, new.held_bonus, new.coins_pending, new.coins, new.coins_leaving, new.spent, new.seq)
  IS DISTINCT FROM (0, 0, 0, 0, 0, 0, 0, 0, 0)
) EXECUTE FUNCTION credits_wallet_refuse();
