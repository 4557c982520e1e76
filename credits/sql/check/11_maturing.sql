-- Pending coins are the incomes that still mature.
SELECT 'wallet ' || w.user_id || ' maturing' AS subject, w.coins_pending AS expected, coalesce(m.amount, 0) AS found
FROM credits_wallet w
LEFT JOIN (
  SELECT user_id, sum(amount_hundredths) AS amount FROM credits_maturing WHERE settled_by_id IS NULL GROUP BY user_id
) m ON m.user_id = w.user_id
WHERE w.coins_pending <> coalesce(m.amount, 0)
