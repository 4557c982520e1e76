-- A campaign's budget is what remains, what is promised and what was paid.
SELECT 'campaign ' || c.slug || ' remaining' AS subject, c.budget_credits - promised.amount - paid.amount AS expected, c.remaining_credits AS found
FROM credits_campaign c
CROSS JOIN LATERAL (
  SELECT coalesce(sum(p.amount_credits - p.paid_credits), 0) AS amount FROM credits_promise p
  WHERE p.campaign_id = c.id AND p.withdrawn_at IS NULL
) promised
CROSS JOIN LATERAL (
  SELECT coalesce(-sum(p.amount), 0) AS amount FROM credits_posting p WHERE p.account = 'campaign:' || c.slug AND p.user_id IS NULL
) paid
WHERE c.remaining_credits <> c.budget_credits - promised.amount - paid.amount OR c.remaining_credits < 0
