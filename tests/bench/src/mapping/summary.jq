{
  order: .order_id,
  by_category: (.lines | group_by(.category) | map({
    category: .[0].category,
    skus: map(.sku),
    pieces: (map(.qty) | add)
  }))
}
