"""Moving the contract to another SDK release."""
