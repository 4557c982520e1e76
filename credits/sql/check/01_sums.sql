-- Every transaction sums to zero in each unit.
SELECT 'transaction ' || transaction_id || ' in ' || unit AS subject, 0 AS expected, sum(amount) AS found
FROM credits_posting GROUP BY transaction_id, unit HAVING sum(amount) <> 0 ORDER BY transaction_id
