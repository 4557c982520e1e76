-- What was counted against API keys' budgets is what was spent and held with them, less what came back, day by day and in total.
WITH counted AS (
  SELECT t.api_key_id, t.limit_day AS day, -sum(p.amount) AS amount
  FROM credits_transaction t JOIN credits_moved() p ON p.transaction_id = t.id AND p.user_id = t.user_id
  WHERE t.api_key_id IS NOT NULL AND t.limit_day IS NOT NULL AND t.entitlement_id IS NULL AND p.account IN ('paid', 'bonus')
  GROUP BY t.api_key_id, t.limit_day
)
SELECT 'key ' || coalesce(c.api_key_id, u.api_key_id) || ' on ' || coalesce(c.day, u.day) AS subject,
       coalesce(c.amount, 0) AS expected, coalesce(u.used_credits, 0) AS found
FROM counted c FULL JOIN credits_spendusage u ON u.api_key_id = c.api_key_id AND u.day = c.day
WHERE coalesce(c.amount, 0) <> coalesce(u.used_credits, 0)
UNION ALL
SELECT 'key ' || l.api_key_id || ' in total', coalesce(sum(c.amount), 0), l.used_credits
FROM credits_spendlimit l LEFT JOIN counted c ON c.api_key_id = l.api_key_id
GROUP BY l.api_key_id, l.used_credits HAVING coalesce(sum(c.amount), 0) <> l.used_credits
