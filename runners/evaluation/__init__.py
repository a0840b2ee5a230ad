"""How good an agent is: returns, tournaments, solved positions."""
