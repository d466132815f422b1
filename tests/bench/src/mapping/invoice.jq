{
  order: .order_id,
  customer: {id: .customer_id, name: .shipping.name},
  currency,
  text: "Order \(.order_id) of \(.placed_at | split("T") | first), \(.channel)",
  lines: [.lines[] | {sku, description: .title, quantity: .qty, unit_price: .price}]
}
