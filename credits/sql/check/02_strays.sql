-- Nothing points at what is not there: postings at transactions, wallets and accounts; transactions at owners.
SELECT 'posting ' || p.id AS subject, 'its transaction, wallet and account' AS expected,
       'transaction ' || p.transaction_id || ', ' || coalesce('wallet ' || p.user_id, p.account) AS found
FROM credits_posting p
WHERE NOT EXISTS (SELECT FROM credits_transaction t WHERE t.id = p.transaction_id)
   OR p.user_id IS NOT NULL AND NOT EXISTS (SELECT FROM credits_wallet w WHERE w.user_id = p.user_id)
   OR p.user_id IS NULL AND NOT EXISTS (SELECT FROM credits_account a WHERE a.code = p.account)
      AND NOT EXISTS (SELECT FROM credits_campaign c WHERE 'campaign:' || c.slug = p.account)
UNION ALL
SELECT 'transaction ' || t.id, 'an owner', 'user ' || t.user_id
FROM credits_transaction t WHERE NOT EXISTS (SELECT FROM accounts_user u WHERE u.id = t.user_id)
