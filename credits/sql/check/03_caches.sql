-- Every bucket of a wallet is the sum of its postings, and none is below zero.
WITH sums AS (
  SELECT user_id, account, sum(amount) AS amount FROM credits_posting WHERE user_id IS NOT NULL GROUP BY user_id, account
)
SELECT 'wallet ' || w.user_id || ' ' || b.bucket AS subject, coalesce(s.amount, 0) AS expected, b.amount AS found
FROM credits_wallet w
CROSS JOIN LATERAL (VALUES
  ('paid', w.paid), ('bonus', w.bonus), ('held_paid', w.held_paid), ('held_bonus', w.held_bonus),
  ('coins_pending', w.coins_pending), ('coins', w.coins), ('coins_leaving', w.coins_leaving)
) AS b (bucket, amount)
LEFT JOIN sums s ON s.user_id = w.user_id AND s.account = b.bucket
WHERE b.amount <> coalesce(s.amount, 0) OR b.amount < 0
ORDER BY w.user_id
