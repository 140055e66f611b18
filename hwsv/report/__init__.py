"""`hwsv report`: a design explained in one HTML page. `content` gathers, `page` renders."""
