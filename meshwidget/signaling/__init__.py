"""Who is in the room and who hears whom. Knows no media and nobody's connection."""
