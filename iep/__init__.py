"""Moving a study from one hospital to another, completely."""
