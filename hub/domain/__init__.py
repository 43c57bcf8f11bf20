"""Values and decisions of the trade: pure, standard library only, time as an argument."""
