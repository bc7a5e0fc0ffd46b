// {{ made_by }}
