-- Each wallet's postings are numbered without a gap, hash to each other, carry the balance of their moment,
-- and end where the wallet says.
WITH steps AS (
  SELECT p.id, p.user_id, p.seq, p.hash, p.balance, p.unit,
         row_number() OVER chain AS number,
         credits_posting_hash(
           coalesce(lag(p.hash) OVER chain, credits_genesis()), p.user_id, p.seq, p.account, p.amount, p.balance,
           p.transaction_id, t.user_id, t.kind, t.created_at, t.reference) AS right_hash,
         max(p.seq) OVER (PARTITION BY p.user_id, p.transaction_id) AS last_of_transaction,
         CASE WHEN p.account IN ('paid', 'bonus') THEN p.amount ELSE 0 END AS credits,
         CASE WHEN p.account IN ('coins_pending', 'coins') THEN p.amount ELSE 0 END AS coins
  FROM credits_posting p JOIN credits_transaction t ON t.id = p.transaction_id
  WHERE p.user_id IS NOT NULL
  WINDOW chain AS (PARTITION BY p.user_id ORDER BY p.seq)
), sums AS (
  SELECT s.*, CASE s.unit
      WHEN 'credits' THEN sum(s.credits) OVER (PARTITION BY s.user_id ORDER BY s.last_of_transaction)
      ELSE sum(s.coins) OVER (PARTITION BY s.user_id ORDER BY s.last_of_transaction) END AS right_balance
  FROM steps s
), faults AS (
  SELECT user_id, seq, 'number' AS what, number::text AS expected, seq::text AS found FROM sums WHERE seq <> number
  UNION ALL
  SELECT user_id, seq, 'hash', encode(right_hash, 'hex'), encode(hash, 'hex') FROM sums WHERE hash <> right_hash
  UNION ALL
  SELECT user_id, seq, 'balance', right_balance::text, balance::text FROM sums WHERE balance <> right_balance
  UNION ALL
  SELECT w.user_id, coalesce(s.seq, 0), 'head', coalesce(s.seq, 0) || ' ' || encode(coalesce(s.hash, credits_genesis()), 'hex'),
         w.seq || ' ' || encode(w.head, 'hex')
  FROM credits_wallet w
  LEFT JOIN LATERAL (
    SELECT p.seq, p.hash FROM credits_posting p WHERE p.user_id = w.user_id ORDER BY p.seq DESC LIMIT 1
  ) s ON true
  WHERE w.seq <> coalesce(s.seq, 0) OR w.head <> coalesce(s.hash, credits_genesis())
)
SELECT 'wallet ' || user_id || ' posting ' || seq || ' ' || what AS subject, expected, found FROM faults ORDER BY user_id, seq
