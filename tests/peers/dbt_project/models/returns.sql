{{ config(materialized="view") }}
SELECT id, customer_id, amount FROM {{ ref("orders") }} WHERE status = 'returned'
