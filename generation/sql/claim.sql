-- The next task that may start and the engine it goes to, its row locked: members first, then oldest; within each
-- user's limit of running tasks (0: no limit), each engine's concurrency, its circuit breaker and back-offs (p_at: real time).
-- engine_id null: no route of the alias is left, the task has to fail. No row: nothing may start now.
-- Claims take turns (an advisory lock until the caller commits), so that no limit is passed by two at once.
create function generation_task_next(p_user_limit int, p_at timestamptz)
returns table (task_id bigint, engine_id bigint) language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtext('generation_task_next'));
  return query
    with full_user as materialized (
      select t.user_id from generation_task t where t.status = 'RUNNING' group by t.user_id having p_user_limit > 0 and count(*) >= p_user_limit
    ), busy as materialized (
      select t.engine_id as id, count(*) as running from generation_task t where t.status = 'RUNNING' group by t.engine_id
    ), open_route as materialized (
      select r.kind, r.alias, r."order" as place, r.weight, e.id as engine,
             coalesce(b.running, 0) < e.concurrency and coalesce(e.broken_until <= p_at, true) as is_free
        from generation_route r join generation_engine e on e.id = r.engine_id left join busy b on b.id = e.id
       where r.is_enabled and e.is_enabled
    ), next as (
      select t.id, t.kind, t.alias
        from generation_task t
       where t.status = 'PENDING' and coalesce(t.run_after <= p_at, true)
         and t.user_id not in (select f.user_id from full_user f)
         and (exists (select 1 from open_route o where o.kind = t.kind and o.alias = t.alias and o.is_free)
              or not exists (select 1 from open_route o where o.kind = t.kind and o.alias = t.alias))
       order by t.priority desc, t.id limit 1 for update skip locked
    )
    select n.id, (
        select o.engine from open_route o
         where o.kind = n.kind and o.alias = n.alias and o.is_free
         order by (select count(*) from generation_attempt a where a.task_id = n.id and a.engine_id = o.engine and a.state = 'failed'),
                  o.place, -ln(1 - random()) / greatest(o.weight, 1)
         limit 1)
      from next n;
end $$;
