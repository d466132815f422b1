{
  order_id: $trigger.order_id,
  customer: $steps.customer.erp_id,
  lines: [$trigger.lines[] | {sku, qty, amount: dmul(.price; .qty)}],
  total: $vars.total
}
