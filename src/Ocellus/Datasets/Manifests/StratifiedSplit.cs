namespace Ocellus.Datasets.Manifests;

/// <summary>Divides labeled entries into training and test, label by label.</summary>
internal static class StratifiedSplit
{
    /// <summary>
    /// True for each entry that goes to the test side; null if there is no split: a label with fewer than two entries, or an empty side.
    /// </summary>
    /// <remarks>
    /// The test side has round(<paramref name="testShare"/> × n) entries. The rarest labels choose first. If there are more labels than
    /// test entries, some label is in training only; every label keeps at least one training entry where labels of one image permit.
    /// </remarks>
    /// <param name="labelsPerEntry">Labels of each entry; entries without labels fill up either side.</param>
    /// <param name="testShare">Share of the test side, above 0 and below 1.</param>
    /// <param name="seed">The same seed and entries give the same split, on every machine and version.</param>
    public static bool[]? Split(IReadOnlyList<IReadOnlyList<string>> labelsPerEntry, double testShare = 0.2, int seed = 0)
    {
        var count = labelsPerEntry.Count;
        var wanted = (int)Math.Round(testShare * count, MidpointRounding.AwayFromZero);
        if (wanted <= 0 || wanted >= count)
        {
            return null;
        }

        var labels = labelsPerEntry.Select(entry => entry.Distinct(StringComparer.Ordinal).ToArray()).ToArray();
        var members = new SortedDictionary<string, List<int>>(StringComparer.Ordinal);
        foreach (var index in Shuffled(count, (uint)seed))
        {
            foreach (var label in labels[index])
            {
                (members.TryGetValue(label, out var list) ? list : members[label] = []).Add(index);
            }
        }

        if (members.Values.Any(list => list.Count < 2))
        {
            return null;
        }

        var isTest = new bool[count];
        var inTest = members.Keys.ToDictionary(label => label, _ => 0, StringComparer.Ordinal);
        var taken = 0;
        var order = members.OrderBy(pair => pair.Value.Count).ThenBy(pair => pair.Key, StringComparer.Ordinal).ToArray();

        bool LeavesTraining(int index) => Array.TrueForAll(labels[index], label => inTest[label] + 1 < members[label].Count);

        // An entry once passed over never becomes free again, so each list is walked only once.
        var next = members.Keys.ToDictionary(label => label, _ => 0, StringComparer.Ordinal);

        int Free(string label, List<int> list)
        {
            var at = next[label];
            while (at < list.Count && (isTest[list[at]] || !LeavesTraining(list[at])))
            {
                at++;
            }

            next[label] = at;
            return at < list.Count ? list[at] : -1;
        }

        void Take(int index)
        {
            isTest[index] = true;
            taken++;
            foreach (var label in labels[index])
            {
                inTest[label]++;
            }
        }

        // One of each label first, then fill by the largest shortfall against the label's fair share.
        foreach (var (label, list) in order)
        {
            if (taken < wanted && inTest[label] == 0 && Free(label, list) is >= 0 and var found)
            {
                Take(found);
            }
        }

        // A label without a free entry never gets one again, so it drops out. Entries without labels are taken from the start.
        var open = members.Keys.ToList();
        var unlabeled = 0;
        while (taken < wanted)
        {
            var choice = -1;
            while (choice < 0 && Shortest(open) is { } label)
            {
                choice = Free(label, members[label]);
                if (choice < 0)
                {
                    open.Remove(label);
                }
            }

            while (choice < 0 && unlabeled < count)
            {
                choice = labels[unlabeled].Length == 0 ? unlabeled : -1;
                unlabeled++;
            }

            if (choice < 0)
            {
                break;
            }

            Take(choice);
        }

        // In ordinal order, so that of equal shortfalls the first name wins.
        string? Shortest(List<string> candidates)
        {
            string? best = null;
            var largest = double.NegativeInfinity;
            foreach (var label in candidates)
            {
                var shortfall = (testShare * members[label].Count) - inTest[label];
                if (shortfall > largest)
                {
                    (best, largest) = (label, shortfall);
                }
            }

            return best;
        }

        return taken == 0 ? null : isTest;
    }

    /// <summary>Fisher–Yates with our own generator (PCG32), since <see cref="Random"/> may change its sequence between versions.</summary>
    private static int[] Shuffled(int count, uint seed)
    {
        var order = Enumerable.Range(0, count).ToArray();
        var state = (seed * 6364136223846793005UL) + 1442695040888963407UL;
        for (var last = count - 1; last > 0; last--)
        {
            var old = state;
            state = (old * 6364136223846793005UL) + 1442695040888963407UL;
            var mixed = (uint)(((old >> 18) ^ old) >> 27);
            var random = uint.RotateRight(mixed, (int)(old >> 59));
            var other = (int)(((ulong)random * (ulong)(last + 1)) >> 32);
            (order[last], order[other]) = (order[other], order[last]);
        }

        return order;
    }
}
