"""Programs on arrays of any library that follows the Array API standard."""
