"""What English sentences name and state: the rules, and the grammar under them."""
