{{ config(materialized="incremental", incremental_strategy="append") }}
-- the first build takes two orders, the next one those that are not there yet
SELECT id, amount, status FROM {{ ref("orders") }}
{% if is_incremental() %}
WHERE id > (SELECT max(id) FROM {{ this }})
{% else %}
WHERE id < 3
{% endif %}
