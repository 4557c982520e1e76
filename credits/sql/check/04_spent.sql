-- What a wallet says it spent is what its owner's spends, captures and transfers took, less refunds (before shortfalls are repaid).
WITH sums AS (
  SELECT p.user_id, -sum(p.amount) AS amount
  FROM credits_moved() p JOIN credits_transaction t ON t.id = p.transaction_id AND t.user_id = p.user_id
  WHERE p.unit = 'credits' AND t.kind IN ('spend', 'refund', 'tip', 'unlock', 'remix')
  GROUP BY p.user_id
)
SELECT 'wallet ' || w.user_id || ' spent' AS subject, coalesce(s.amount, 0) AS expected, w.spent AS found
FROM credits_wallet w LEFT JOIN sums s ON s.user_id = w.user_id
WHERE w.spent <> coalesce(s.amount, 0) ORDER BY w.user_id
