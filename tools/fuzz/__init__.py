"""Damaged and odd files, by the thousand: xec reads them right or says in one line why it does not."""
