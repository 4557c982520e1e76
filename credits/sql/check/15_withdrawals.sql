-- Leaving coins are the withdrawals that began and have not ended; each ends once, with the coins that it began with.
WITH steps AS (
  SELECT t.id, t.user_id, t.reverses_id,
         coalesce(sum(p.amount) FILTER (WHERE p.account = 'coins_leaving' AND p.user_id = t.user_id), 0) AS leaving
  FROM credits_transaction t LEFT JOIN credits_posting p ON p.transaction_id = t.id
  WHERE t.kind = 'withdraw' GROUP BY t.id
), open AS (
  SELECT b.user_id, sum(b.leaving) AS amount FROM steps b
  WHERE b.reverses_id IS NULL AND NOT EXISTS (SELECT FROM steps e WHERE e.reverses_id = b.id) GROUP BY b.user_id
)
SELECT 'wallet ' || w.user_id || ' leaving' AS subject, coalesce(o.amount, 0) AS expected, w.coins_leaving AS found
FROM credits_wallet w LEFT JOIN open o ON o.user_id = w.user_id WHERE w.coins_leaving <> coalesce(o.amount, 0)
UNION ALL
SELECT 'the end of withdrawal ' || b.id, CASE WHEN b.reverses_id IS NULL THEN -b.leaving ELSE 0 END, e.leaving
FROM steps b JOIN steps e ON e.reverses_id = b.id WHERE e.leaving <> CASE WHEN b.reverses_id IS NULL THEN -b.leaving ELSE 0 END
UNION ALL
SELECT 'withdrawal ' || b.id, 1, b.leaving FROM steps b WHERE b.reverses_id IS NULL AND b.leaving <= 0
UNION ALL
SELECT 'posting ' || p.id || ' of leaving coins', 0, p.amount
FROM credits_posting p JOIN credits_transaction t ON t.id = p.transaction_id WHERE p.account = 'coins_leaving' AND t.kind <> 'withdraw'
