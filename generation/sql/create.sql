-- Creates one task in one round trip: replays an Idempotency-Key, bounds the queue, prices, spends or holds
-- with chained postings, inserts the row and its event. Whoever is entitled to `priority` at p_at stands before
-- others and is told p_first_estimate_s. Locks: the idempotency row, the queue (only when it is nearly full), the
-- wallet, the event head.
-- p_allowed: whether the statement around it proved its caller; if not, nothing happens and no row comes back.
create function generation_task_create(
  p_allowed boolean, p_user bigint, p_api_key bigint, p_uuid uuid, p_kind text, p_offer text, p_alias text, p_params jsonb, p_units int,
  p_estimate_s int, p_first_estimate_s int, p_is_clean boolean, p_webhook_url text, p_callback_token text, p_retry_of bigint,
  p_idem_key text, p_idem_hash bytea, p_entitlement text, p_queue_limit int,
  p_deadline_at timestamptz, p_real_at timestamptz, p_at timestamptz
) returns table (task_id bigint, task_uuid uuid, cost bigint, told_s int, balance bigint, event_number bigint, replayed boolean)
language plpgsql as $$
declare
  v_claim accounts_idempotency;
  v_amount bigint; v_unit text; v_cost bigint; v_hold bigint; v_balance bigint; v_id bigint; v_number bigint;
  v_key text := 'task:' || p_uuid;
  v_is_first boolean;
  v_estimate_s int;
  c_margin constant int := 200;  -- more orders than ever stand between their count and their commit at once
begin
  if p_allowed is not true then
    return;
  end if;
  if p_idem_key is not null then
    v_claim := accounts_idempotency_claim(p_user, p_idem_key, p_idem_hash, p_real_at, 60);
    if v_claim.status is not null then
      return query select t.id, t.uuid, t.cost_credits, t.estimate_s, null::bigint, null::bigint, true
        from generation_task t where t.uuid = v_claim.reference::uuid and t.user_id = p_user;
      return;
    end if;
  end if;

  if p_queue_limit > 0 then
    perform 1 from generation_task where status = 'PENDING' offset greatest(p_queue_limit - c_margin, 1) - 1 limit 1;
    if found or p_queue_limit <= c_margin then
      perform pg_advisory_xact_lock(hashtext('generation_queue_full'));  -- the next statement sees whatever came before
      perform 1 from generation_task where status = 'PENDING' offset p_queue_limit - 1 limit 1;
      if found then
        raise exception using errcode = 'ATELR', message = 'queue_full', detail = '{}';
      end if;
    end if;
  end if;

  select p.amount, p.unit into v_amount, v_unit from credits_price_of(p_offer, p_params) p;
  v_cost := case v_unit when 'task' then v_amount else v_amount * p_units end;
  if v_unit = 'second' then
    select h.hold_id, h.balance into v_hold, v_balance
      from credits_hold(p_user, v_key, sha256(v_key::bytea), 'hold', v_key, v_cost, true, p_api_key, p_at) h;
  else
    select s.charged, s.balance into v_cost, v_balance
      from credits_spend(p_user, v_key, sha256(v_key::bytea), 'spend', v_key, v_cost, true, p_api_key, p_entitlement, p_at) s;
  end if;

  v_is_first := exists (
    select 1 from credits_entitlement e
     where e.user_id = p_user and e.name = 'priority' and p_at >= e.valid_from and p_at < e.valid_until);
  v_estimate_s := case when v_is_first then p_first_estimate_s else p_estimate_s end;

  insert into generation_task (
    uuid, user_id, api_key_id, kind, offer, alias, params, status, progress, cost_credits, estimate_s, hold_id, is_clean, priority,
    webhook_url, callback_token, retry_of_id, error_code, error_message, lease_owner, deadline_at, created_at, updated_at
  ) values (
    p_uuid, p_user, p_api_key, p_kind, p_offer, p_alias, p_params, 'PENDING', 0, v_cost, v_estimate_s, v_hold, p_is_clean, v_is_first::int,
    p_webhook_url, p_callback_token, p_retry_of, '', '', '', p_deadline_at, p_real_at, p_real_at
  ) returning id into v_id;

  v_number := accounts_event_append(
    p_user, 'task.created',
    jsonb_build_object('task_id', p_uuid, 'kind', p_kind, 'status', 'PENDING', 'cost', v_cost), p_at, '{}'::text[]);

  if p_idem_key is not null then
    update accounts_idempotency set status = 200, reference = p_uuid::text, locked_until = null
      where user_id = p_user and key = p_idem_key;
  end if;
  return query select v_id, p_uuid, v_cost, v_estimate_s, v_balance, v_number, false;
end $$;
