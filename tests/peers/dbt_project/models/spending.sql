{{ config(materialized="table") }}
SELECT c.id, c.name, sum(o.amount) AS total
FROM {{ ref("customers") }} AS c JOIN {{ ref("orders") }} AS o ON o.customer_id = c.id
GROUP BY ALL
