namespace Ocellus.Hosting.Serving;

/// <summary>What a thread has taken from a queue: one request, or several that are answered together.</summary>
/// <param name="Flow">Where it was taken from.</param>
/// <param name="Work">Answers; must not throw.</param>
/// <param name="Count">Requests in it.</param>
/// <param name="Expected">Seconds that the flow was charged in advance.</param>
internal readonly record struct ServingTurn(FairQueue.Flow Flow, Action Work, int Count, double Expected);

/// <summary>
/// The requests of all models before the serving threads, a flow for each model: weighted fair queuing by used time. A flow's virtual time is the seconds of
/// threads that it has used, divided by its weight; the flow with the least is served next, whatever a request costs. A flow that was empty joins at the
/// virtual time of the one that was served last, so that nobody catches up on time when it had no requests. As the cost of a request is known only afterwards,
/// a flow is charged with what its last request took, and the difference is settled when the request is answered.
/// </summary>
/// <param name="servers">Threads that take from it.</param>
internal sealed class FairQueue(int servers) : IDisposable
{
    // An object and not a Lock: threads sleep on it. It guards the list, and everything of the flows that is not volatile.
    private readonly object _gate = new();
    private readonly List<Flow> _waiting = [];
    private double _virtualTime;
    private int _busy;
    private bool _ended;

    /// <summary>Threads that answer something now.</summary>
    public int Busy => Volatile.Read(ref _busy);

    /// <summary>Makes a flow, which is empty.</summary>
    /// <param name="weight">Its weight at first.</param>
    /// <param name="batchMax">Most requests that a thread takes at once; more than one only while more wait than threads are free.</param>
    /// <param name="serve">Answers requests, on the thread that took them. It must not throw.</param>
    public Flow<T> AddFlow<T>(int weight, int batchMax, Action<IReadOnlyList<T>> serve) => new(this, weight, batchMax, serve);

    /// <summary>Waits for requests and takes those whose turn it is. The taker calls <see cref="Complete"/> when they are answered.</summary>
    /// <returns>Null when the queue has ended and is empty.</returns>
    public ServingTurn? Take()
    {
        lock (_gate)
        {
            while (_waiting.Count == 0 && !_ended)
            {
                Monitor.Wait(_gate);
            }

            if (_waiting.MinBy(f => f.VirtualTime) is not { } flow)
            {
                return null;
            }

            _virtualTime = flow.VirtualTime;
            var free = servers - Interlocked.Increment(ref _busy) + 1;
            return flow.Take(free);
        }
    }

    /// <summary>Settles what a turn has cost.</summary>
    /// <param name="turn">What <see cref="Take"/> gave.</param>
    /// <param name="seconds">Time that the thread used.</param>
    public void Complete(ServingTurn turn, double seconds)
    {
        Interlocked.Decrement(ref _busy);
        turn.Flow.Ended(turn, seconds);
    }

    /// <summary>Lets those that wait in <see cref="Take"/> go when there is nothing left to take.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _ended = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>
    /// The requests of one model. A request holds one place from its arrival until a thread takes it or it gives up; so the bound also bounds the memory
    /// of images that wait to be decoded.
    /// </summary>
    internal abstract class Flow(FairQueue queue, int weight)
    {
        private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _weight = weight;
        private int _running;
        private double _lastSeconds;
        private bool _closed;

        /// <summary>Requests that no thread has taken yet.</summary>
        public abstract int Length { get; }

        /// <summary>The flow's share of the threads, against the weights of other flows.</summary>
        public int Weight
        {
            get => Volatile.Read(ref _weight);
            set => Volatile.Write(ref _weight, value);
        }

        /// <summary>Seconds of threads used so far, divided by the weight.</summary>
        internal double VirtualTime { get; private set; }

        protected FairQueue Queue { get; } = queue;

        /// <summary>Ends when no thread works for the flow any more. To be called once nobody waits for an answer.</summary>
        public Task CloseAsync()
        {
            lock (Queue._gate)
            {
                _closed = true;
                EndIfIdle();
                return _idle.Task;
            }
        }

        /// <summary>Gives the first requests to a thread, and reckons with the time that the last one took until their own is known.</summary>
        /// <param name="free">Threads that have nothing to do, the one that takes among them.</param>
        internal ServingTurn Take(int free)
        {
            lock (Queue._gate)
            {
                var (work, count) = TakeFirst(free);
                _running++;
                var expected = count * _lastSeconds;
                VirtualTime += expected / _weight;
                return new(this, work, count, expected);
            }
        }

        /// <summary>The requests are answered.</summary>
        internal void Ended(ServingTurn turn, double seconds)
        {
            lock (Queue._gate)
            {
                _lastSeconds = seconds / turn.Count;
                VirtualTime += (seconds - turn.Expected) / _weight;
                _running--;
                EndIfIdle();
            }
        }

        /// <summary>Takes the first request or several out of the flow. Inside the lock.</summary>
        protected abstract (Action Work, int Count) TakeFirst(int free);

        /// <summary>The flow was empty and has a request. Inside the lock.</summary>
        protected void Join()
        {
            VirtualTime = Math.Max(VirtualTime, Queue._virtualTime);
            Queue._waiting.Add(this);
        }

        /// <summary>The flow is empty. Inside the lock.</summary>
        protected void Leave() => Queue._waiting.Remove(this);

        private void EndIfIdle()
        {
            if (_closed && _running == 0 && Length == 0)
            {
                _idle.TrySetResult();
            }
        }
    }

    /// <summary>A flow of requests of one kind.</summary>
    internal sealed class Flow<T>(FairQueue queue, int weight, int batchMax, Action<IReadOnlyList<T>> serve) : Flow(queue, weight)
    {
        private readonly LinkedList<T> _ready = [];
        private int _length;

        public override int Length => Volatile.Read(ref _length);

        /// <summary>Adds a request, unless that many wait already.</summary>
        /// <returns>Its place; null if there is none.</returns>
        public LinkedListNode<T>? TryAdd(T request, int max)
        {
            lock (Queue._gate)
            {
                if (_ready.Count >= max)
                {
                    return null;
                }

                var node = _ready.AddLast(request);
                Changed();
                if (_ready.Count == 1)
                {
                    Join();
                }

                Monitor.Pulse(Queue._gate);
                return node;
            }
        }

        /// <summary>Takes a request out, unless a thread has taken it.</summary>
        public void Remove(LinkedListNode<T> node)
        {
            lock (Queue._gate)
            {
                if (node.List is not null)
                {
                    _ready.Remove(node);
                    Changed();
                }
            }
        }

        protected override (Action Work, int Count) TakeFirst(int free)
        {
            // What waits is shared among the threads that are free: a batch must not leave another thread without work.
            var taken = new T[Math.Clamp((_ready.Count + free - 1) / free, 1, batchMax)];
            for (var i = 0; i < taken.Length; i++)
            {
                taken[i] = _ready.First!.Value;
                _ready.RemoveFirst();
            }

            Changed();
            return (() => serve(taken), taken.Length);
        }

        private void Changed()
        {
            Volatile.Write(ref _length, _ready.Count);
            if (_ready.Count == 0)
            {
                Leave();
            }
        }
    }
}
