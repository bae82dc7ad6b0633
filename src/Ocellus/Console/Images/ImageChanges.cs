namespace Ocellus.Console.Images;

/// <summary>
/// Who has which image open, and what changed: it tells pages of each other. All of it is in memory, because it lasts minutes and a commit for each image that
/// someone opens would slow down everything that reads the database.
/// </summary>
internal sealed class ImageChanges(TimeProvider clock)
{
    /// <summary>Changes that are told one by one. A page that knows fewer reads its index again.</summary>
    public const int ToldMax = 2000;

    /// <summary>How long an image counts as open, or as taken, after its page was last heard of.</summary>
    public static readonly TimeSpan OpenFor = TimeSpan.FromSeconds(15), TakenFor = TimeSpan.FromMinutes(5);

    /// <summary>Pages known at a time; beyond that the ones unheard of for longest are forgotten.</summary>
    private const int PagesMax = 1000;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Feed> _feeds = new(StringComparer.Ordinal);

    /// <summary>Tells of changed images.</summary>
    public void Publish(string project, IEnumerable<ChangedImage> changed)
    {
        lock (_gate)
        {
            FeedOf(project).Add(changed);
        }
    }

    /// <summary>Tells that so much has changed that pages should read their index again.</summary>
    public void PublishAll(string project)
    {
        lock (_gate)
        {
            FeedOf(project).Forget();
        }
    }

    /// <summary>The number of a project's last change.</summary>
    public long Seq(string project)
    {
        lock (_gate)
        {
            return FeedOf(project).Seq;
        }
    }

    /// <summary>Notes what a page has open; answers what has changed and who else is here.</summary>
    /// <param name="project">The project's ARN.</param>
    /// <param name="user">Who has the page open.</param>
    /// <param name="pulse">What the page says.</param>
    public PulseAnswer Pulse(string project, string user, PulseRequest pulse)
    {
        lock (_gate)
        {
            var now = clock.GetUtcNow();
            var feed = FeedOf(project);
            feed.Pages[pulse.Tab] = feed.Pages.GetValueOrDefault(pulse.Tab, Page.None) with { User = user, Open = pulse.Open, Heard = now };
            Trim(feed, now);
            return new(
                feed.Seq, feed.After(pulse.After),
                [
                    .. feed.Pages.Where(p => p.Key != pulse.Tab && p.Value.Open is not null && p.Value.Heard > now - OpenFor)
                        .Select(p => new Present(p.Value.Open!, Initials(p.Value.User), p.Value.User)),
                ]);
        }
    }

    /// <summary>Gives a page the first of the images that no other page has taken or open, and takes it for the page.</summary>
    public string? Lease(string project, string user, LeaseRequest request)
    {
        lock (_gate)
        {
            var now = clock.GetUtcNow();
            var feed = FeedOf(project);
            var others = feed.Pages.Where(p => p.Key != request.Tab).Select(p => p.Value).ToList();
            var taken = others.Where(p => p.TakenUntil > now).Select(p => p.Taken)
                .Concat(others.Where(p => p.Heard > now - OpenFor).Select(p => p.Open)).ToHashSet(StringComparer.Ordinal);
            var image = request.Candidates.FirstOrDefault(c => !taken.Contains(c));
            var page = feed.Pages.GetValueOrDefault(request.Tab, Page.None);
            feed.Pages[request.Tab] = page with { User = user, Taken = image, TakenUntil = now + TakenFor, Heard = now };
            Trim(feed, now);
            return image;
        }
    }

    /// <summary>At most two letters.</summary>
    internal static string Initials(string user)
    {
        var words = user.Split([' ', '.', '-', '_', '@', '/'], StringSplitOptions.RemoveEmptyEntries);
        return string.Concat(words.Take(2).Select(w => char.ToUpperInvariant(w[0])));
    }

    private static void Trim(Feed feed, DateTimeOffset now)
    {
        foreach (var (tab, page) in feed.Pages.Where(p => p.Value.Heard < now - TakenFor).ToList())
        {
            feed.Pages.Remove(tab);
        }

        foreach (var (tab, _) in feed.Pages.OrderByDescending(p => p.Value.Heard).Skip(PagesMax).ToList())
        {
            feed.Pages.Remove(tab);
        }
    }

    private Feed FeedOf(string project)
    {
        if (!_feeds.TryGetValue(project, out var feed))
        {
            // From the clock, so that a page of an earlier run of the server knows a number that was told by nobody.
            _feeds[project] = feed = new Feed(clock.GetUtcNow().ToUnixTimeMilliseconds());
        }

        return feed;
    }

    private sealed record Page(string User, string? Open, DateTimeOffset Heard, string? Taken, DateTimeOffset TakenUntil)
    {
        public static Page None { get; } = new("", null, default, null, default);
    }

    private sealed class Feed(long seq)
    {
        private readonly Queue<(long Seq, ChangedImage Image)> _changed = new();
        private long _oldest = seq;

        public Dictionary<string, Page> Pages { get; } = new(StringComparer.Ordinal);

        public long Seq { get; private set; } = seq;

        public void Add(IEnumerable<ChangedImage> images)
        {
            foreach (var image in images)
            {
                _changed.Enqueue((++Seq, image));
                if (_changed.Count > ToldMax)
                {
                    _oldest = _changed.Dequeue().Seq;
                }
            }
        }

        public void Forget()
        {
            _changed.Clear();
            _oldest = ++Seq;
        }

        public IReadOnlyList<ChangedImage>? After(long after) =>
            after < _oldest || after > Seq ? null : [.. _changed.Where(c => c.Seq > after).Select(c => c.Image).Distinct()];
    }
}
