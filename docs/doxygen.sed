# Links to pages that are no part of the reference become plain words.
s/\[\([a-z-]*\.md\)\]([a-z-]*\.md)/\1/g
