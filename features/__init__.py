"""What is known of a customer: catalog, records, indicators as they stood on a day."""
