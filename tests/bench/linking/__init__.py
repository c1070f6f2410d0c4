"""How well and how fast businesses find their buildings, in a sample city whose seats are typed with noise."""
