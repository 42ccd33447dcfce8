"""What a photo file holds beside one picture: other pictures, films, text, colours by number."""
